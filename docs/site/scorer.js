// `var`, because the theme's own script declares a Scorer where there is none. Order of search results of equal rank: how-to pages and references first, records of measurements and changes last.
var LAST = /CHANGELOG|ARCHITECTURE|CONTRIBUTING|benchmarks|masks-looked-at|faults|MODEL_CARD|assets\//;
var FIRST = /docs\/(start|coming-from)\/|docs\/(masks|masking|gallery|training|restoring|api)$/;

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
