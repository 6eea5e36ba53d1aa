// Says before an upload that it is too large, instead of after it. The server checks it all again.
(function () {
  "use strict";

  document.querySelectorAll("form[data-max-bytes]").forEach(function (form) {
    var input = form.querySelector("input[type=file]");
    var problem = form.querySelector("[data-upload-problem]");

    function check() {
      var files = Array.prototype.slice.call(input.files);
      var bytes = files.reduce(function (sum, file) {
        return sum + file.size;
      }, 0);
      var text = "";
      if (files.length > Number(form.dataset.maxFiles)) {
        text = files.length + " files are more than " + form.dataset.maxFiles +
          ". Hidden folders, such as .git, count too: make a zip file without them.";
      } else if (bytes > Number(form.dataset.maxBytes)) {
        text = Math.ceil(bytes / 1e6) + " MB are more than " +
          Math.floor(form.dataset.maxBytes / 1e6) + " MB.";
      }
      problem.textContent = text;
      problem.hidden = !text;
      return !text;
    }

    input.addEventListener("change", check);
    form.addEventListener("submit", function (event) {
      if (!check()) {
        event.preventDefault();
        return;
      }
      form.querySelector("button[type=submit]").disabled = true;
    });
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-max-bytes] button").forEach(function (button) {
      button.disabled = false;
    });
  });
})();
