"""A WordPress of Debian for tests: its files, a MariaDB and PHP's own server, in a folder and on a port of its own."""

import base64
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.support.waits import wait_until
from tools import wordpress_plugin
from tools.stack.ports import free_ports

FILES = Path("/usr/share/wordpress")
DATABASE = "mariadbd"
PACKAGES = (
    "wordpress wordpress-theme-twentytwentythree mariadb-server php-cli php-mysql php-curl php-gd php-xml php-mbstring"
)
THEME = "twentytwentythree"
_PHP_WORKERS = 4

_LOAD = """<?php
$_SERVER += ['HTTP_HOST' => 'localhost:%d', 'REQUEST_METHOD' => 'GET'];
%s
require %r . '/wp-load.php';
"""


def missing() -> str:
    """Return what has to be installed, empty if everything is there."""
    there = FILES.exists() and shutil.which(DATABASE) and shutil.which("php")
    return "" if there else f"apt-get install --no-install-recommends php8.2-cgi {PACKAGES}"


class WordPress:
    """A site with the plugin, and an administrator who speaks REST."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "site"
        [self.port] = free_ports(1)
        self.address = f"http://localhost:{self.port}"
        self.password = secrets.token_hex(8)
        self._socket = folder / "db.sock"
        self._running: list[subprocess.Popen[bytes]] = []
        self._log = (folder / "log").open("ab")

    def start(self) -> None:
        shutil.copytree(FILES, self.root, ignore=lambda _, names: {"wp-config.php", ".htaccess"} & {*names})
        (self.root / "wp-content" / "uploads").mkdir(exist_ok=True)
        wordpress_plugin.build(self.root / "wp-content" / "plugins")
        self._start_database()
        self._write_config()
        self._start_server()
        self.run(
            f"""require_once ABSPATH . 'wp-admin/includes/upgrade.php';
            wp_install('TADA & test', 'admin', 'admin@example.com', true, '', '{self.password}');
            update_option('permalink_structure', '');
            switch_theme('{THEME}');""",
            before="define('WP_INSTALLING', true);",
        )
        self.activate()
        said = self.run("echo WP_Application_Passwords::create_new_application_password(1, ['name' => 'test'])[0];")
        key = base64.b64encode(f"admin:{said}".encode()).decode()
        self.rest = httpx.Client(base_url=self.address, headers={"Authorization": f"Basic {key}"}, timeout=120)
        self.pages = httpx.Client(base_url=self.address, timeout=60, follow_redirects=True)

    def stop(self) -> None:
        for process in reversed(self._running):
            # With the workers of PHP's server, which do not end with it.
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)
        self._log.close()

    def activate(self) -> None:
        self.run("require_once ABSPATH . 'wp-admin/includes/plugin.php'; activate_plugin('tada-media/tada-media.php');")

    def deactivate(self) -> None:
        self.run(
            "require_once ABSPATH . 'wp-admin/includes/plugin.php'; deactivate_plugins('tada-media/tada-media.php');"
        )

    def run(self, program: str, before: str = "") -> str:
        """Run PHP inside of WordPress; return what it printed."""
        file = self.folder / f"run-{secrets.token_hex(4)}.php"
        file.write_text(_LOAD % (self.port, before, str(self.root)) + program)
        done = subprocess.run(
            ["php", file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=300
        )
        file.unlink()
        assert done.returncode == 0, done.stdout
        return done.stdout

    def command(self, line: str) -> str:
        """Run a command of the plugin as WP-CLI would, which is not in Debian: WP_CLI is what it uses of it."""
        name, *options = line.split()
        given = {option.removeprefix("--"): True for option in options}
        listed = ", ".join(f"'{option}' => true" for option in given)
        return self.run(
            f"""try {{ (new Tada\\WordPress\\Command())->{name}([], [{listed}]); }}
            catch (RuntimeException $error) {{ echo 'Error: ', $error->getMessage(), "\\n"; }}""",
            before="""define('WP_CLI', true);
            final class WP_CLI {
                static function add_command($name, $class) {}
                static function log($line) { echo "$line\\n"; }
                static function success($line) { echo "Success: $line\\n"; }
                static function error($line) { throw new RuntimeException($line); }
            }""",
        )

    def api(self, method: str, route: str, **arguments: Any) -> Any:
        answer = self.rest.request(
            method, "/index.php", params={"rest_route": route, **arguments.pop("params", {})}, **arguments
        )
        assert answer.status_code < 300, answer.text
        return answer.json()

    def cron(self) -> None:
        """Do what WP-Cron would do later."""
        self.run("define('X', 1); Tada\\WordPress\\Queue::work(isAsked: true);", before="define('DOING_CRON', true);")

    def debug_log(self) -> list[str]:
        file = self.folder / "debug.log"
        return file.read_text().splitlines() if file.exists() else []

    def uploads(self) -> set[str]:
        root = self.root / "wp-content" / "uploads"
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    def _start_database(self) -> None:
        data = self.folder / "db"
        user = ["--user=root"] if os.geteuid() == 0 else []
        install = [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
        ]
        subprocess.run([*install, "--skip-test-db", *user], stdout=self._log, stderr=self._log, check=True)
        serve = [
            "mariadbd",
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={self._socket}",
            "--skip-networking",
            *user,
        ]
        self._begin([*serve, f"--pid-file={self.folder}/db.pid"])
        create = ["mariadb", "--no-defaults", f"--socket={self._socket}", "-uroot", "-e", "CREATE DATABASE wordpress"]
        wait_until(lambda: subprocess.run(create, stdout=self._log, stderr=self._log, check=False).returncode == 0, 60)

    def _write_config(self) -> None:
        constants = {
            "DB_NAME": "wordpress",
            "DB_USER": "root",
            "DB_PASSWORD": "",
            "DB_HOST": f"localhost:{self._socket}",
            "DB_CHARSET": "utf8mb4",
            "DB_COLLATE": "",
            "WP_HOME": self.address,
            "WP_SITEURL": self.address,
            "WP_ENVIRONMENT_TYPE": "local",
            "DISABLE_WP_CRON": True,
            "WP_HTTP_BLOCK_EXTERNAL": True,
            "WP_DEBUG": True,
            "WP_DEBUG_LOG": str(self.folder / "debug.log"),
            "WP_DEBUG_DISPLAY": False,
            "AUTH_KEY": secrets.token_hex(16),
            "SECURE_AUTH_KEY": secrets.token_hex(16),
            "LOGGED_IN_KEY": secrets.token_hex(16),
            "NONCE_KEY": secrets.token_hex(16),
        }
        lines = [
            f"define('{name}', {str(value).lower() if value in (True, False) else repr(value)});"
            for name, value in constants.items()
        ]
        config = ["<?php", *lines, "$table_prefix = 'wp_';", "defined('ABSPATH') || define('ABSPATH', __DIR__ . '/');"]
        (self.root / "wp-config.php").write_text("\n".join([*config, "require_once ABSPATH . 'wp-settings.php';", ""]))

    def _start_server(self) -> None:
        serve: list[str | Path] = [
            "php",
            "-d",
            "upload_max_filesize=64M",
            "-d",
            "post_max_size=64M",
            "-S",
            f"localhost:{self.port}",
            "-t",
            self.root,
        ]
        self._begin(serve, PHP_CLI_SERVER_WORKERS=str(_PHP_WORKERS))
        wait_until(self._answers, 30)

    def _begin(self, command: Sequence[str | Path], **environment: str) -> None:
        self._running.append(
            subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdout=self._log,
                stderr=self._log,
                cwd=self.folder,
                start_new_session=True,
            )
        )

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.address}/readme.html", timeout=5).status_code == 200
        except httpx.TransportError:
            return False
