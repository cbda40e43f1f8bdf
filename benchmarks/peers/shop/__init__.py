"""The shop that every peer runs: the same routes as Lunas, as a team would write it with boto3.

It uses the table of Lunas, calls the same Duitku, and does the same around it with the usual tools:
Powertools' logger and metrics, a status request to Duitku over a connection that is kept, the
evidence of a callback in the transaction of its settlement, checked queries, signed cursors, and
payments with all their fields. A callback and a page take as many calls to the table as those of
Lunas. A purchase takes six instead of three, as it reads item by item, and knows no idempotency
key. Keys come from environment variables, so no peer reads secrets.
"""
