import CWinsockDirect

// The header's macros, which Swift does not take over.

var TRUE: BOOL { 1 }
var FALSE: BOOL { 0 }
