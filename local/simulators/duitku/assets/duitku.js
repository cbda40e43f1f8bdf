// Stand-in for duitku.js: opens the payment page over the shop and reports how it ended.
(function () {
  "use strict";
  var origin = new URL(document.currentScript.src).origin;
  var events = { "00": "successEvent", "01": "pendingEvent", "02": "closeEvent" };

  function cover() {
    var frame = document.createElement("iframe");
    frame.style.cssText =
      "position:fixed;inset:0;width:100%;height:100%;border:0;background:#fff;z-index:2147483647";
    return frame;
  }

  function process(reference, options) {
    var chosen = options || {};
    var frame = cover();
    var query = new URLSearchParams({ reference: reference, embed: "1" });
    if (chosen.defaultLanguage) query.set("lang", chosen.defaultLanguage);

    function finish(event) {
      if (event.source !== frame.contentWindow || !event.data || !event.data.duitku) return;
      window.removeEventListener("message", finish);
      frame.remove();
      var result = event.data.duitku;
      var handler = chosen[events[result.resultCode]];
      if (typeof handler === "function") handler(result);
    }

    window.addEventListener("message", finish);
    frame.src = origin + "/redirect_checkout?" + query.toString();
    document.body.appendChild(frame);
  }

  window.checkout = { process: process };
})();
