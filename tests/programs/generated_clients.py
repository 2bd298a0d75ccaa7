"""`make test-clients`: clients that openapi-generator makes of the document are compiled, and upload a file.

The generator comes from Maven Central. Java and Go need their compilers. PHP needs Guzzle, which Debian has as
php-guzzlehttp-guzzle; its client also reads, changes and deletes what it uploaded. A language whose tools are missing
is named and left out. It takes some minutes, so it is no part of `make test`, which has lighter generators
(tests/e2e/clients/test_document.py).
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.processes.system import System
from tests.support.photographs import CHINA

GENERATOR = "openapi-generator-cli"
VERSION = "7.25.0"
GUZZLE = "php-guzzlehttp-guzzle"
EXEC = "org.codehaus.mojo:exec-maven-plugin:3.5.0:java"
GO = """\
package main

import (
	"context"
	"fmt"
	"os"

	"example.com/tada"
)

func main() {
	configuration := tada.NewConfiguration()
	configuration.Servers = tada.ServerConfigurations{{URL: os.Args[1]}}
	client := tada.NewAPIClient(configuration)
	file, err := os.Open(os.Args[2])
	if err == nil {
		var answer *tada.Answer
		answer, _, err = client.FilesAPI.UploadFile(context.Background()).File(file).Namespace("DEV").Execute()
		if err == nil {
			fmt.Println(answer.Data[0].UniqueName)
			return
		}
	}
	fmt.Println(err)
	os.Exit(1)
}
"""
JAVA = """\
package org.openapitools.client;

import java.io.File;
import org.openapitools.client.api.FilesApi;
import org.openapitools.client.model.Answer;

public class Main {
  public static void main(String[] args) throws Exception {
    FilesApi files = new FilesApi(new ApiClient().setBasePath(args[0]));
    File file = new File(args[1]);
    Answer answer = files.uploadFile("DEV", null, null, null, null, file, null, null, null, null, null, null, null,
        null, null, null, null, null, null, null);
    System.out.println(answer.getData().get(0).getUniqueName());
  }
}
"""
PHP = """\
<?php

require "GuzzleHttp/autoload.php";
spl_autoload_register(function (string $class): void {
    require __DIR__ . "/lib/" . strtr(substr($class, strlen("OpenAPI\\\\Client\\\\")), "\\\\", "/") . ".php";
});

use OpenAPI\\Client\\Api\\CatalogApi;
use OpenAPI\\Client\\Api\\FilesApi;
use OpenAPI\\Client\\ApiException;
use OpenAPI\\Client\\Configuration;

$configuration = (new Configuration())->setHost($argv[1]);
$files = new FilesApi(config: $configuration);
$catalog = new CatalogApi(config: $configuration);
$made = $files->uploadFile(new SplFileObject($argv[2]), "DEV")->getData()[0];
echo $made->getUniqueName(), "\\n";
$files->changeFile($made->getUuid(), title: "Changed by PHP");
echo $catalog->getEntry($made->getUuid())->getData()[0]->getTitle(), "\\n";
$files->deleteFile($made->getUuid());
try {
    $catalog->getEntry($made->getUuid());
} catch (ApiException $refused) {
    echo $refused->getCode(), "\\n";
}
"""

Try = Callable[["Generator", Path, str], None]


class Generator:
    def __init__(self, folder: Path, document: Path) -> None:
        self._folder, self._document = folder, document
        coordinates = f"org.openapitools:{GENERATOR}:{VERSION}"
        run("mvn", "-q", "dependency:copy", f"-Dartifact={coordinates}", f"-DoutputDirectory={folder}", cwd=folder)

    def make(self, language: str, *more: str) -> Path:
        made = self._folder / language
        jar = str(self._folder / f"{GENERATOR}-{VERSION}.jar")
        asked = ("generate", "-q", "-i", str(self._document), "-g", language, "-o", str(made))
        run("java", "-jar", jar, *asked, *more, cwd=self._folder)
        return made


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def try_go(generator: Generator, photo: Path, address: str) -> None:
    made = generator.make("go", "--additional-properties=packageName=tada,withGoMod=true", "--git-host=example.com")
    module = made / "go.mod"
    first, _, rest = module.read_text().partition("\n")
    module.write_text(f"module example.com/tada\n{rest}")
    assert first.startswith("module ")
    shutil.rmtree(made / "test", ignore_errors=True)
    (made / "upload").mkdir()
    (made / "upload" / "main.go").write_text(GO)
    run("go", "vet", "./...", cwd=made)
    check(run("go", "run", "./upload", address, str(photo), cwd=made), photo)


def try_java(generator: Generator, photo: Path, address: str) -> None:
    made = generator.make("java")
    (made / "src/main/java/org/openapitools/client/Main.java").write_text(JAVA)
    wanted = ("-Dexec.mainClass=org.openapitools.client.Main", f"-Dexec.args={address} {photo}")
    check(run("mvn", "-q", "compile", EXEC, *wanted, cwd=made), photo)


def try_php(generator: Generator, photo: Path, address: str) -> None:
    made = generator.make("php")
    files = sorted(map(str, (made / "lib").rglob("*.php")))
    assert len(files) > 100
    for at in range(0, len(files), 100):
        run("sh", "-c", 'for file; do php -l "$file" || exit 1; done', "sh", *files[at : at + 100], cwd=made)
    (made / "use.php").write_text(PHP)
    said = run("php", "use.php", address, str(photo), cwd=made)
    check(said, photo)
    assert said.splitlines()[1:] == ["Changed by PHP", "404"], said


def check(said: str, photo: Path) -> None:
    assert f"/DEV/{photo.stem}.webp" in said, said


LANGUAGES: dict[str, tuple[Try, tuple[str, ...]]] = {
    "go": (try_go, ("go",)),
    "java": (try_java, ("javac",)),
    "php": (try_php, ("php", GUZZLE)),
}


def lacks(tool: str) -> bool:
    if tool != GUZZLE:
        return not shutil.which(tool)
    look = ("php", "-r", 'exit(stream_resolve_include_path("GuzzleHttp/autoload.php") ? 0 : 1);')
    return lacks("php") or subprocess.run(look, check=False).returncode != 0


def main(chosen: list[str]) -> int:
    lacking = [tool for tool in ("java", "mvn") if not shutil.which(tool)]
    if lacking:
        print(f"test-clients needs {' and '.join(lacking)} to run openapi-generator.", file=sys.stderr)
        return 2
    passed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        system = System(folder / "system", {"NAMESPACES_ALLOWED": "DEV"})
        try:
            system.start()
            (folder / "openapi.json").write_bytes(system.api.get("/openapi.json").content)
            generator = Generator(folder, folder / "openapi.json")
            for language in chosen or LANGUAGES:
                attempt, tools = LANGUAGES[language]
                if missing := [tool for tool in tools if lacks(tool)]:
                    print(f"{language}: left out, as {', '.join(missing)} is missing")
                    continue
                photo = folder / f"{language}.jpg"
                photo.write_bytes(CHINA.read_bytes())
                attempt(generator, photo, str(system.api.base_url))
                print(f"{language}: good")
                passed += 1
        finally:
            system.stop()
    print(f"{passed} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
