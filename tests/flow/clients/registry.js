/* Installs as npm does: metadata by scoped names (their slash is %2f), then tarballs, on few kept connections; through a forward
 * proxy in absolute-form, or by CONNECT for https, or straight. usage: node registry.js BASE PROXY|- COUNT; prints JSON. */
"use strict";
const crypto = require("crypto");
const http = require("http");
const https = require("https");
const tls = require("tls");

const [base, proxy, count] = process.argv.slice(2);
const tally = { metadata: 0, tarballs: 0, bytes: 0, tunnels: 0 };
const sockets = new Set();
let next = 0;

/* An agent whose connections are tunnels. */
class Tunnel extends https.Agent {
	createConnection(options, done) {
		const to = `${options.host}:${options.port}`, { hostname, port } = new URL(proxy);

		http.request({ hostname, port, method: "CONNECT", path: to, headers: { Host: to } })
			.on("connect", (res, socket) => {
				tally.tunnels++;
				if (res.statusCode === 200) {
					done(null, tls.connect({ ...options, socket, servername: options.host }));
				} else {
					socket.destroy();
					done(new Error(`CONNECT: ${res.statusCode}`));
				}
			})
			.on("error", done).end();
	}
}

const LANES = 6;		/* at a time, each on a connection of its own */
const limits = { keepAlive: true, maxSockets: LANES };
const agent = base.startsWith("https:") ? new Tunnel(limits) : new http.Agent(limits);

function request(url) {
	const u = new URL(url);

	if (base.startsWith("https:"))
		return https.request(u, { agent });
	if (proxy === "-")
		return http.request(u, { agent });
	return http.request({ hostname: new URL(proxy).hostname, port: new URL(proxy).port, path: url, headers: { Host: u.host }, agent });
}

function get(url) {
	return new Promise((done, failed) => {
		const r = request(url);

		r.on("error", failed).on("response", (m) => {
			const parts = [];

			sockets.add(m.socket);
			m.on("data", (d) => parts.push(d)).on("error", failed).on("end", () => {
				if (m.statusCode === 200)
					done(Buffer.concat(parts));
				else
					failed(new Error(`${url}: ${m.statusCode}`));
			});
		}).end();
	});
}

async function install(i) {
	const meta = JSON.parse(await get(`${base}/registry/@proxyd%2fpart${i}`));

	tally.metadata++;
	const tarball = await get(`${base}/registry/${meta.dist.tarball}`);
	if (crypto.createHash("sha512").update(tarball).digest("base64") !== meta.dist.integrity)
		throw new Error(`part${i}: other bytes than promised`);
	tally.tarballs++;
	tally.bytes += tarball.length;
}

async function lane() {
	while (next < Number(count))
		await install(next++);
}

Promise.all(Array.from({ length: LANES }, lane))
	.then(() => console.log(JSON.stringify({ ...tally, sockets: sockets.size })))
	.catch((e) => { console.error(String(e)); process.exitCode = 1; })
	.finally(() => agent.destroy());
