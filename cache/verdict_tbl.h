/*
 * verdict_tbl.h - why a response is stored, or is not: VERDICT(id, "token", "what decided").
 * The token is what the log, `proxyctl cache explain` and Cache-Status (RFC 9211 2.8, detail) say.
 */
VERDICT(CV_STORE, "stored", "nothing forbids it and its lifetime or a validator makes it useful")
VERDICT(CV_METHOD, "method", "only answers to GET are stored")
VERDICT(CV_STATUS, "status", "an answer of this status is not stored without an explicit lifetime")
VERDICT(CV_PARTIAL, "partial", "part of a representation")
VERDICT(CV_REQUEST_NO_STORE, "request-no-store", "the client's Cache-Control: no-store")
VERDICT(CV_NO_STORE, "no-store", "the response's Cache-Control: no-store")
VERDICT(CV_PRIVATE, "private", "the response's Cache-Control: private")
VERDICT(CV_NOT_UNDERSTOOD, "must-understand", "Cache-Control: must-understand with a status we do not know")
VERDICT(CV_AUTHORIZATION, "authorization",
    "the request has Authorization; the response lacks public, s-maxage, must-revalidate")
VERDICT(CV_SET_COOKIE, "set-cookie", "the response sets a cookie and store_set_cookie is off")
VERDICT(CV_VARY, "vary", "Vary: * never matches another request")
VERDICT(CV_USELESS, "no-lifetime", "no lifetime and no validator: it could never be used again")
