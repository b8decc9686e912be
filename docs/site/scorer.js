// Order of search results: pages that start a job and how-to pages rise, records of measurements and changes sink.
// `var` and not `const`, because the theme's own script declares a Scorer where there is none.
var LAST = /CHANGELOG|ARCHITECTURE|CONTRIBUTING|benchmarks|masks-looked-at|faults|MODEL_CARD|assets\//;
var FIRST = /docs\/start\/|docs\/(masks|masking|gallery|training|restoring|api|limits)$/;

var Scorer = {
  score: ([docname, , , , score]) => score + (LAST.test(docname) ? -3 : FIRST.test(docname) ? 2 : 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
