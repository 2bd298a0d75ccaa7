"""`make test-clients`: clients that openapi-generator makes of the document are compiled, and upload a file.

The generator comes from Maven Central. Java and Go need their compilers; PHP is only looked at by its own checker, as
what its clients need is at another registry. A language whose tools are missing is named and left out. It takes some
minutes, so it is no part of `make test`, which has lighter generators (tests/e2e/clients/test_document.py).
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


def try_php(generator: Generator, _: Path, __: str) -> None:
    made = generator.make("php")
    files = sorted(map(str, (made / "lib").rglob("*.php")))
    assert len(files) > 100
    for at in range(0, len(files), 100):
        run("sh", "-c", 'for file; do php -l "$file" || exit 1; done', "sh", *files[at : at + 100], cwd=made)


def check(said: str, photo: Path) -> None:
    assert f"/DEV/{photo.stem}.webp" in said, said


LANGUAGES: dict[str, tuple[Try, tuple[str, ...]]] = {
    "go": (try_go, ("go",)),
    "java": (try_java, ("javac",)),
    "php": (try_php, ("php",)),
}


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
                if missing := [tool for tool in tools if not shutil.which(tool)]:
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
