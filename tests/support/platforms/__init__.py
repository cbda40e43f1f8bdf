"""The course platforms that the use cases are tested with: Thinkific's own code, and a second one.

Thinkific's code calls the simulator in this process, so that what it makes of an answer is part of
each test. The second platform lives in memory and has words and ids of its own. A test arranges
and checks either through the same :class:`~tests.support.platforms.site.PlatformSite`.
"""
