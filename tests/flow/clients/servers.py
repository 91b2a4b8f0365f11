"""The servers that the clients visit, each on a plain and a TLS port: nginx with files, Apache httpd with git and DAV, uvicorn with
an application. Each keeps a record of what reached it."""
import json
import os
import sys
from pathlib import Path

from tests.flow.lib.peers import Peer
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import TOP, have

NGINX = '''
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log; {user}
events {{ worker_connections 512; }}
http {{
  log_format record escape=json '{{"conn":$connection,"method":"$request_method","path":"$request_uri","status":$status,'
    '"scheme":"$scheme","host":"$http_host","via":"$http_via","range":"$http_range","agent":"$http_user_agent"}}';
  access_log {folder}/record record; default_type application/octet-stream; types {{ text/html html; text/plain txt; }}
  client_max_body_size 0; keepalive_timeout 5; keepalive_requests 100; gzip on; gzip_types text/plain; gzip_proxied any;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=1024; listen 127.0.0.1:{tls} ssl backlog=1024; root {root}; autoindex on;
    ssl_certificate {cert}; ssl_certificate_key {key};
    location /dav/ {{ dav_methods PUT DELETE; create_full_put_path on; }}
    location /registry/ {{ try_files $uri.json $uri =404; }}
    location /small/ {{ dav_methods PUT; client_max_body_size 1k; }}
    location /old/ {{ rewrite ^/old/(.*)$ $scheme://$http_host/$1 redirect; }}
    location /closing/ {{ alias {root}/; keepalive_timeout 0; }}
    location /login/ {{ alias {root}/; auth_basic "files"; auth_basic_user_file {folder}/users; }}
  }}
}}
'''

APACHE = '''
ServerRoot {folder}
PidFile {folder}/apache.pid
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{tls}
ServerName git.test
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule alias_module {modules}/mod_alias.so
LoadModule env_module {modules}/mod_env.so
LoadModule cgi_module {modules}/mod_cgi.so
LoadModule dav_module {modules}/mod_dav.so
LoadModule dav_fs_module {modules}/mod_dav_fs.so
LoadModule ssl_module {modules}/mod_ssl.so
DAVLockDB {folder}/lock
DocumentRoot {root}
ErrorLog {folder}/error.log
LogFormat "{{\\"method\\":\\"%m\\",\\"path\\":\\"%U\\",\\"status\\":%>s,\\"host\\":\\"%{{Host}}i\\",\\"via\\":\\"%{{Via}}i\\"}}" record
CustomLog {folder}/record record
User {user}
Group {group}
StartServers 1
LimitRequestBody 0
KeepAlive On
KeepAliveTimeout 5
MaxKeepAliveRequests 50
<VirtualHost 127.0.0.1:{tls}>
  SSLEngine on
  SSLCertificateFile {cert}
  SSLCertificateKeyFile {key}
</VirtualHost>
SetEnv GIT_PROJECT_ROOT {root}/git
SetEnv GIT_HTTP_EXPORT_ALL 1
SetEnv GIT_CONFIG_COUNT 1
SetEnv GIT_CONFIG_KEY_0 safe.directory
SetEnv GIT_CONFIG_VALUE_0 *
ScriptAlias /git/ /usr/lib/git-core/git-http-backend/
<Directory />
  Require all granted
</Directory>
<Location /dav>
  Dav On
</Location>
'''


class Server:
    """One program with a plain and a TLS port."""

    def __init__(self, folder, name, root):
        self.name, self.folder, self.root = name, Path(folder) / name, Path(root)
        self.port, self.tls = free_port(), free_port()
        self.peers = []
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o777)
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o777)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def url(self, path, tls=False):
        """As a client of a forward proxy names it."""
        return f"{'https' if tls else 'http'}://{self.name}.test:{self.tls if tls else self.port}{path}"

    def record(self, path=None):
        """What reached it, in order; a server writes its line when the answer is out."""
        file = self.folder / "record"
        lines = file.read_text(errors="replace").splitlines() if file.exists() else []
        return [r for r in map(json.loads, lines) if path is None or r["path"] == path]

    def stop(self):
        for p in self.peers:
            p.stop()


def nginx(folder, root, ca):
    s = Server(folder, "files", root)
    (s.root / "dav").mkdir(exist_ok=True)
    (s.root / "dav").chmod(0o777)
    (s.folder / "users").write_text("alice:{PLAIN}wonder\n")
    conf = s.folder / "nginx.conf"
    conf.write_text(NGINX.format(folder=s.folder, root=s.root, port=s.port, tls=s.tls, cert=ca.server_cert, key=ca.server_key,
                                 user="user root;" if os.getuid() == 0 else ""))
    argv = [have("nginx"), "-e", str(s.folder / "error.log"), "-p", str(s.folder), "-c", str(conf)]
    s.peers.append(Peer(argv, s.folder, s.port))
    return s


def apache(folder, root, ca):
    s = Server(folder, "git", root)
    (s.root / "dav").mkdir(exist_ok=True)
    (s.root / "dav").chmod(0o777)
    who = ("www-data", "www-data") if os.getuid() == 0 else (f"#{os.getuid()}", f"#{os.getgid()}")
    conf = s.folder / "apache.conf"
    conf.write_text(APACHE.format(folder=s.folder, root=s.root, port=s.port, tls=s.tls, cert=ca.server_cert, key=ca.server_key,
                                  modules="/usr/lib/apache2/modules", user=who[0], group=who[1]))
    s.peers.append(Peer([have("apache2"), "-X", "-f", str(conf)], s.folder, s.port))
    return s


def uvicorn(folder, root, ca):
    """tests/flow/clients/app.py; a process for each port, one record."""
    s = Server(folder, "app", root)
    env = {**os.environ, "RECORD": str(s.folder / "record"), "PYTHONPATH": str(TOP)}
    argv = [sys.executable, "-m", "uvicorn", "tests.flow.clients.app:app", "--host", "127.0.0.1", "--no-access-log",
            "--timeout-keep-alive", "60"]
    s.peers.append(Peer([*argv, "--port", str(s.port)], s.folder, s.port, env=env))
    s.peers.append(Peer([*argv, "--port", str(s.tls), "--ssl-certfile", str(ca.server_cert), "--ssl-keyfile", str(ca.server_key)],
                        s.folder, s.tls, env=env))
    return s
