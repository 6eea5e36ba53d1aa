// Small comforts on the account pages. Everything works without them.
(function () {
  "use strict";

  // Copy what stands in the element that data-copy names.
  document.querySelectorAll("button[data-copy]").forEach(function (button) {
    if (!navigator.clipboard) {
      return;
    }
    button.hidden = false;
    button.addEventListener("click", function () {
      var text = document.getElementById(button.dataset.copy).textContent;
      navigator.clipboard.writeText(text).then(function () {
        button.textContent = "Copied";
      });
    });
  });

  // A form that could not be used: go to its first wrong field.
  var wrong = document.querySelector("[aria-invalid='true']");
  if (wrong) {
    wrong.focus();
  }
})();
