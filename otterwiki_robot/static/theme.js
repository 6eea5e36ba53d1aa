// Light or dark, as on a wiki: the choice is kept in Otterwiki's cookie, one a host; until somebody
// chooses, the pages follow the system. Loaded at the top of the body, so that nothing flashes.
(function () {
  "use strict";
  var COOKIE = "halfmoon_preferredMode";
  var YEAR_SECONDS = 365 * 24 * 60 * 60;
  var system = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    var found = document.cookie.match(/(?:^|;\s*)halfmoon_preferredMode=(dark|light)-mode/);
    return found ? found[1] : null;
  }

  function isDark() {
    var choice = chosen();
    return choice ? choice === "dark" : system.matches;
  }

  function show() {
    var dark = isDark();
    document.body.classList.toggle("dark-mode", dark);
    var button = document.getElementById("theme-toggle");
    if (button) {
      button.setAttribute("aria-pressed", String(dark));
      button.hidden = false;
    }
  }

  show();
  system.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", function () {
    show();
    document.getElementById("theme-toggle").addEventListener("click", function () {
      var value = isDark() ? "light-mode" : "dark-mode";
      document.cookie = COOKIE + "=" + value + "; path=/; SameSite=Lax; max-age=" + YEAR_SECONDS;
      show();
    });
  });
})();
