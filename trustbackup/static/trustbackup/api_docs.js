// Starts Swagger UI on its page. Nothing here is inline, so that a strict policy allows it.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const place = document.querySelector("#tb-api");
  // Dark as the page is, whichever way its shell decides that.
  const probe = document.createElement("span");
  probe.className = "tb-dark-probe";
  place.before(probe);
  const isDark = getComputedStyle(probe).color === "rgb(1, 1, 1)";
  probe.remove();
  document.documentElement.classList.toggle("dark-mode", isDark);
  window.SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: true,
    validatorUrl: null,
    defaultModelsExpandDepth: 0,
    docExpansion: "list",
    requestInterceptor: (request) => {
      // As one of the site's own forms, and to no other host.
      if (new URL(request.url, location.href).origin === location.origin) {
        request.headers["X-CSRFToken"] = place.dataset.csrf;
      }
      return request;
    },
  });
});
