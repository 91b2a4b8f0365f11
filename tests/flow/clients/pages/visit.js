/* What a page does behind a proxy; each check gives a value or "error: why", all are posted to /report. */
const PICTURES = 30;

function pictures() {
	const all = Array.from({ length: PICTURES }, (_, i) => new Promise((done) => {
		const img = new Image();

		img.onload = () => done(img.naturalWidth);
		img.onerror = () => done("failed");
		img.src = `/image/${i}.svg`;
		document.getElementById("pictures").append(img);
	}));
	return Promise.all(all);
}

function style() {
	return getComputedStyle(document.getElementById("colour")).color;
}

function form() {
	return new Promise((done) => {
		const frame = document.querySelector("iframe");

		frame.onload = () => done(frame.contentDocument.body.innerText);
		document.getElementById("form").submit();
	});
}

async function stream() {
	const reader = (await fetch("/stream/10")).body.getReader();
	const start = performance.now();
	let text = "", pieces = 0, first = 0;

	for (;;) {
		const { done, value } = await reader.read();
		if (done)
			break;
		first = first || performance.now() - start;
		pieces++;
		text += new TextDecoder().decode(value);
	}
	return { text, pieces, ahead: performance.now() - start - first };
}

async function upload() {
	const data = new Uint8Array(1 << 20).map((_, i) => i % 251);

	return (await fetch("/upload", { method: "PUT", body: data })).text();
}

/* Enough behind it that a browser rather closes the connection than read on. */
async function abort() {
	const stop = new AbortController();
	const reader = (await fetch("/pour", { signal: stop.signal })).body.getReader();

	await reader.read();
	stop.abort();
	return (await fetch("/after")).status;
}

async function cookie() {
	await fetch("/cookie");
	return document.cookie;
}

function events() {
	return new Promise((done, failed) => {
		const source = new EventSource("/events"), got = [];

		source.onmessage = (e) => {
			got.push(e.data);
			if (got.length === 5) {
				source.close();
				done(got);
			}
		};
		source.onerror = () => failed(new Error(`ended behind ${got.length}`));
	});
}

function noise(n) {
	const out = new Uint8Array(n);

	for (let at = 0; at < n; at += 50000)
		crypto.getRandomValues(out.subarray(at, at + 50000));
	return out;
}

/* Text, nothing, UTF-8, and bytes that permessage-deflate cannot make fewer. */
function websocket() {
	return new Promise((done, failed) => {
		const ws = new WebSocket(location.origin.replace("http", "ws") + "/ws");
		const binary = noise(300000), got = [];

		ws.binaryType = "arraybuffer";
		ws.onopen = () => ["hello", "", "\u00e4".repeat(200), binary].forEach((m) => ws.send(m));
		ws.onerror = () => failed(new Error("failed"));
		ws.onmessage = (e) => {
			got.push(typeof e.data === "string" ? e.data : new Uint8Array(e.data).every((b, i) => b === binary[i]) && e.data.byteLength);
			if (got.length === 4)
				ws.close(1000, "enough");
		};
		ws.onclose = (e) => done({ got, code: e.code, clean: e.wasClean });
	});
}

async function visit() {
	const report = {};

	for (const check of [pictures, style, form, stream, upload, abort, cookie, events, websocket]) {
		try {
			report[check.name] = await check();
		} catch (e) {
			report[check.name] = `error: ${e}`;
		}
	}
	await fetch("/report", { method: "POST", body: JSON.stringify(report) });
}

visit();
