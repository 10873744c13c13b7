"use strict";
// `RUN` holds layers, engines, cycles, and for every launch five numbers in `launches`: engine,
// layer, position in the program, first cycle, cycles until it retired. `waits` names, by the
// launch's number, engines and cycles it waited for.
(function () {
  var area = document.getElementById("timeline");
  var canvas = area.querySelector("canvas");
  var tip = document.getElementById("tip");
  var brush = canvas.getContext("2d");
  var LEFT = 70, TOP = 6, AXIS = 24;
  var lanes = RUN.engines.map(function () { return []; });
  for (var i = 0; i < RUN.launches.length; i += 5) {
    var box = { engine: RUN.launches[i], layer: RUN.launches[i + 1], pc: RUN.launches[i + 2],
                start: RUN.launches[i + 3], end: RUN.launches[i + 3] + RUN.launches[i + 4],
                waits: RUN.waits[i / 5] };
    var lane = lanes[box.engine];
    // Launches of an engine overlap: the box begins where the one before has retired.
    box.from = lane.length ? Math.max(box.start, lane[lane.length - 1].end) : box.start;
    lane.push(box);
  }
  var view = { from: 0, to: RUN.cycles };
  var width = 0, height = 0;

  function colour(layer) {
    return "hsl(" + (layer * 137.508) % 360 + ",55%," + (layer % 2 ? 52 : 66) + "%)";
  }
  function x(cycle) { return LEFT + (cycle - view.from) / (view.to - view.from) * (width - LEFT); }
  function cycleAt(px) { return view.from + (px - LEFT) / (width - LEFT) * (view.to - view.from); }
  function laneHeight() { return (height - TOP - AXIS) / lanes.length; }

  // First box that retires at or after a cycle.
  function first(lane, cycle) {
    var low = 0, high = lane.length;
    while (low < high) {
      var middle = (low + high) >> 1;
      if (lane[middle].end < cycle) { low = middle + 1; } else { high = middle; }
    }
    return low;
  }
  function step(span) {
    var power = Math.pow(10, Math.floor(Math.log10(span / 8)));
    return [1, 2, 5, 10].map(function (k) { return k * power; })
      .filter(function (k) { return k >= 1 && span / k <= 10; })[0] || 1;
  }
  function draw() {
    var ratio = window.devicePixelRatio || 1;
    width = canvas.clientWidth;
    height = canvas.clientHeight;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.clearRect(0, 0, width, height);
    brush.font = "12px system-ui, sans-serif";
    brush.textBaseline = "middle";
    var tall = laneHeight();
    lanes.forEach(function (lane, index) {
      var top = TOP + index * tall;
      brush.fillStyle = index % 2 ? "#fafafa" : "#f2f2f2";
      brush.fillRect(LEFT, top, width - LEFT, tall);
      for (var i = first(lane, view.from); i < lane.length && lane[i].start <= view.to; i++) {
        var box = lane[i];
        brush.fillStyle = colour(box.layer);
        var left = Math.max(LEFT, x(box.from)), right = Math.min(width, x(box.end));
        brush.fillRect(left, top + 3, Math.max(0.5, right - left - (right - left > 4 ? 1 : 0)), tall - 9);
        var begin = Math.max(LEFT, x(box.start));
        brush.fillRect(begin, top + tall - 5, Math.max(0.5, right - begin), 2);
        if (right - left > 60) {
          brush.fillStyle = "#000";
          brush.save();
          brush.beginPath();
          brush.rect(left, top, right - left - 2, tall);
          brush.clip();
          brush.fillText(RUN.layers[box.layer], left + 4, top + tall / 2 - 2);
          brush.restore();
        }
      }
      brush.fillStyle = "#333";
      brush.fillText(RUN.engines[index], 6, top + tall / 2);
    });
    var every = step(view.to - view.from);
    brush.fillStyle = "#333";
    brush.strokeStyle = "#0002";
    for (var at = Math.ceil(view.from / every) * every; at <= view.to; at += every) {
      brush.beginPath();
      brush.moveTo(x(at), TOP);
      brush.lineTo(x(at), height - AXIS);
      brush.stroke();
      brush.fillText(at.toLocaleString("en"), x(at) + 3, height - AXIS / 2);
    }
  }
  function show(from, to) {
    var span = Math.min(Math.max(to - from, 20), RUN.cycles);
    var start = Math.min(Math.max(from, 0), RUN.cycles - span);
    view = { from: start, to: start + span };
    draw();
  }
  function zoom(factor, centre) {
    show(centre - (centre - view.from) * factor, centre + (view.to - centre) * factor);
  }
  function boxAt(px, py) {
    var index = Math.floor((py - TOP) / laneHeight());
    var lane = lanes[index];
    if (!lane || px < LEFT) { return null; }
    var at = cycleAt(px), slack = (view.to - view.from) / (width - LEFT);
    var box = lane[first(lane, at - slack)];
    return box && box.start <= at + slack ? box : null;
  }
  var dragged = null;
  canvas.addEventListener("pointerdown", function (event) {
    dragged = { px: event.offsetX, from: view.from, to: view.to };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointerup", function () { dragged = null; });
  canvas.addEventListener("pointerleave", function () { tip.style.display = "none"; });
  canvas.addEventListener("pointermove", function (event) {
    if (dragged) {
      var by = (event.offsetX - dragged.px) / (width - LEFT) * (dragged.to - dragged.from);
      show(dragged.from - by, dragged.to - by);
      return;
    }
    var box = boxAt(event.offsetX, event.offsetY);
    tip.style.display = box ? "block" : "none";
    if (!box) { return; }
    tip.textContent = RUN.engines[box.engine] + ", instruction " + box.pc + "\n" +
      RUN.layers[box.layer] + "\nstarts " + box.start.toLocaleString("en") + ", retires " +
      box.end.toLocaleString("en") + " (" + (box.end - box.start).toLocaleString("en") + " cycles)" +
      (box.waits ? "\nwaited for " + box.waits : "");
    tip.style.left = Math.min(event.offsetX + 14, width - tip.offsetWidth - 4) + "px";
    tip.style.top = canvas.offsetTop + event.offsetY + 16 + "px";
  });
  canvas.addEventListener("wheel", function (event) {
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, cycleAt(Math.max(event.offsetX, LEFT)));
  }, { passive: false });
  area.querySelectorAll("button").forEach(function (button) {
    button.addEventListener("click", function () {
      var centre = (view.from + view.to) / 2, span = view.to - view.from;
      switch (button.value) {
        case "in": zoom(0.5, centre); break;
        case "out": zoom(2, centre); break;
        case "left": show(view.from - span / 2, view.to - span / 2); break;
        case "right": show(view.from + span / 2, view.to + span / 2); break;
        default: show(0, RUN.cycles);
      }
    });
  });
  document.querySelectorAll("tr[data-from]").forEach(function (row) {
    row.addEventListener("click", function () {
      var from = Number(row.dataset.from), to = Number(row.dataset.to);
      show(from - (to - from) / 20, to + (to - from) / 20);
      area.scrollIntoView();
    });
  });
  window.addEventListener("resize", draw);
  draw();
})();
