(function () {
  "use strict";
  var place = document.getElementById("filter");
  if (!place) { return; }
  var label = document.createElement("label");
  label.textContent = "Show requirements that contain ";
  var input = document.createElement("input");
  input.type = "search";
  label.appendChild(input);
  place.appendChild(label);
  var rows = document.querySelectorAll("#requirement-table tbody tr");
  input.addEventListener("input", function () {
    var wanted = input.value.toLowerCase();
    rows.forEach(function (row) {
      row.hidden = row.textContent.toLowerCase().indexOf(wanted) < 0;
    });
  });
})();
