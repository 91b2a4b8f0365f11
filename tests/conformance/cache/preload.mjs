// Loaded before the suite's origin and before its client (`node --import`).
//
// Listeners are bound to loopback alone. With CT_CLIENT, fetch is undici's, since the one that Node has lacks what the
// suite needs; with CT_FORWARD=http://host:port too, requests go there in absolute-form, as to a forward proxy.
import { createRequire } from 'node:module'
import net from 'node:net'
import path from 'node:path'

const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (port, ...rest) {
  return /^\d+$/.test(String(port)) ? listen.call(this, Number(port), '127.0.0.1', ...rest) : listen.call(this, port, ...rest)
}

function withHost (headers, host) {
  if (Array.isArray(headers)) return [...headers, 'host', host]
  if (headers && typeof headers[Symbol.iterator] === 'function') return [...Array.from(headers).flat(), 'host', host]
  return { ...headers, host }
}

function absolute (dispatch) {
  return (opts, handler) => {
    const origin = String(opts.origin).replace(/\/$/, '')
    const headers = withHost(opts.headers, new URL(origin).host)
    return dispatch({ ...opts, origin: process.env.CT_FORWARD, path: origin + opts.path, headers }, handler)
  }
}

if (process.env.CT_CLIENT) {
  const undici = createRequire(path.join(process.cwd(), 'package.json'))('undici')
  const agent = new undici.Agent()
  const forward = process.env.CT_FORWARD
  undici.setGlobalDispatcher(forward ? agent.compose(absolute) : agent)
  globalThis.fetch = (url, init = {}) => {
    if (forward && init.dispatcher) init = { ...init, dispatcher: init.dispatcher.compose(absolute) }
    return undici.fetch(url, init)
  }
  for (const name of ['Headers', 'Request', 'Response', 'FormData']) globalThis[name] = undici[name]
}
