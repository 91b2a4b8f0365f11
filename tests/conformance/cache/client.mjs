// What the suite calls node-fetch: the fetch that preload.mjs has prepared. node-fetch has no modes of caching; of fetch's
// this is the one in which it adds no Cache-Control and Pragma of its own.
export default (url, init = {}) => globalThis.fetch(url, { ...init, cache: 'force-cache' })
