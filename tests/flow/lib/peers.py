"""Real servers as origins and a real resolver: nginx, Apache httpd, Python's http.server, dnsmasq. Foreground, own folders."""
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from .ports import free_port
from .proxy import follow_parent, have, wait_for

UPLOAD_SERVER = r'''
import hashlib, http.server, sys, os
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *a): pass
    def parts(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while True:
                n = int(self.rfile.readline().split(b";")[0], 16)
                left = n
                while left:
                    d = self.rfile.read(min(left, 65536)); left -= len(d); yield d
                self.rfile.readline()
                if n == 0: return
        else:
            left = int(self.headers.get("Content-Length", 0))
            while left:
                d = self.rfile.read(min(left, 65536))
                if not d: return
                left -= len(d); yield d
    def take(self):
        h, n = hashlib.sha256(), 0
        for d in self.parts():
            h.update(d); n += len(d)
        out = f"{n} {h.hexdigest()}".encode()
        self.send_response(200); self.send_header("Content-Length", str(len(out))); self.end_headers()
        self.wfile.write(out)
    do_POST = do_PUT = take
if __name__ == "__main__":
    os.chdir(sys.argv[2])
    http.server.ThreadingHTTPServer.daemon_threads = True
    http.server.ThreadingHTTPServer.request_queue_size = 128
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
'''

NGINX = '''
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; default_type application/octet-stream; client_max_body_size 0; keepalive_timeout 60;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port}; root {root};
    location /dav/ {{ root {root}; dav_methods PUT; create_full_put_path on; client_body_in_file_only off; }}
  }}
}}
'''

NGINX_ECHO = '''
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; default_type text/plain;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}{proxied}; return 200 "{source}"; }}
}}
'''

HAPROXY = '''
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{port}{proxied}
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port]"
'''

APACHE = '''
ServerRoot {folder}
PidFile {folder}/apache.pid
Listen 127.0.0.1:{port}
ServerName localhost
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule dir_module {modules}/mod_dir.so
LoadModule dav_module {modules}/mod_dav.so
LoadModule dav_fs_module {modules}/mod_dav_fs.so
DAVLockDB {folder}/lock
DocumentRoot {root}
ErrorLog {folder}/error.log
User {user}
Group {group}
StartServers 1
LimitRequestBody 0
KeepAlive On
KeepAliveTimeout 60
MaxKeepAliveRequests 0
EnableMMAP Off
<Directory {root}>
  Require all granted
</Directory>
<Location /dav>
  Dav On
</Location>
'''


class Peer:
    """A foreground process; stopped by its pid."""

    def __init__(self, argv, folder, port, host="127.0.0.1", env=None):
        self.port, self.host, self.folder = port, host, Path(folder)
        self.log = open(self.folder / "peer.log", "ab")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        cwd=folder, env=env, start_new_session=True, preexec_fn=follow_parent)
        try:
            wait_for(self.answers, 15)
        except AssertionError:
            self.stop()
            raise AssertionError(f"{argv[0]} did not start: {(self.folder / 'peer.log').read_text()[-2000:]}")

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def answers(self):
        try:
            socket.create_connection((self.host, self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(5)
        self.log.close()


def _folder(tmp, name):
    folder = Path(tmp) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _open_up(path):
    """A peer that drops root must still reach its files."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o777)


def nginx(tmp, root):
    folder, port = _folder(tmp, "nginx"), free_port()
    _open_up(Path(root))
    _open_up(Path(root) / "dav")
    conf = folder / "nginx.conf"
    head = "user root;\n" if os.getuid() == 0 else ""
    conf.write_text(head + NGINX.format(folder=folder, port=port, root=root))
    return Peer([have("nginx"), "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(conf)], folder, port)


def nginx_echo(tmp, proxied=False):
    """Answers with the client's address and port; proxied: as a PROXY header, which must come, tells them."""
    folder, port = _folder(tmp, "nginx-echo"), free_port()
    conf = folder / "nginx.conf"
    conf.write_text(NGINX_ECHO.format(
        folder=folder, port=port, proxied=" proxy_protocol" if proxied else "",
        source="$proxy_protocol_addr $proxy_protocol_port" if proxied else "$remote_addr $remote_port"))
    return Peer([have("nginx"), "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(conf)], folder, port)


def haproxy(tmp, proxied=False):
    """Answers with the client's address and port; proxied: as a PROXY header, which must come, tells them."""
    folder, port = _folder(tmp, "haproxy"), free_port()
    conf = folder / "haproxy.cfg"
    conf.write_text(HAPROXY.format(port=port, proxied=" accept-proxy" if proxied else ""))
    return Peer([have("haproxy"), "-db", "-f", str(conf)], folder, port)


def apache(tmp, root):
    folder, port = _folder(tmp, "apache"), free_port()
    _open_up(Path(root))
    _open_up(Path(root) / "dav")
    _open_up(folder)
    user = "www-data" if os.getuid() == 0 else f"#{os.getuid()}"
    group = "www-data" if os.getuid() == 0 else f"#{os.getgid()}"
    conf = folder / "apache.conf"
    conf.write_text(APACHE.format(folder=folder, port=port, root=root, modules="/usr/lib/apache2/modules",
                                  user=user, group=group))
    return Peer([have("apache2"), "-X", "-f", str(conf)], folder, port)


def python(tmp, root):
    """http.server with PUT and POST that answer the length and hash of what came."""
    folder, port = _folder(tmp, "python"), free_port()
    script = folder / "server.py"
    script.write_text(UPLOAD_SERVER)
    return Peer([sys.executable, str(script), str(port), str(root)], folder, port)


def dnsmasq(tmp, records, port=None, host="127.0.0.1", extra=()):
    """records: name -> list of addresses. TTL 0; other names are refused, nothing is asked upstream."""
    folder, port = _folder(tmp, "dnsmasq"), port or free_port(host, udp=True)
    hosts = folder / "hosts"
    hosts.write_text("".join(f"{a} {n}\n" for n, v in records.items() for a in v))
    argv = [have("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", f"--port={port}", "--no-resolv",
            "--no-hosts", f"--addn-hosts={hosts}", "--bind-interfaces", f"--listen-address={host}", "--local-ttl=0",
            "--pid-file=", "--no-daemon", "--log-facility=-", *extra]
    if os.getuid() == 0:
        argv += ["--user=root", "--group=root"]
    return Peer(argv, folder, port, host)
