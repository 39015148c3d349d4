"""Sessions of nox: the parts of `.ci/run`, each in the environment that `tools/setup.sh` made."""

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests"]
PYTHON = ".venv/bin/python"
ENVIRONMENT = {"OMP_NUM_THREADS": "1"}


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.run(PYTHON, "-m", "ruff", "check", ".", external=True)
    session.run(PYTHON, "-m", "ruff", "format", "--check", ".", external=True)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types."""
    session.run(PYTHON, "-m", "mypy", external=True)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the default tests, or those that are named behind `--`."""
    chosen = session.posargs or ["-n", "2", "--dist", "loadfile"]
    session.run(PYTHON, "-m", "pytest", *chosen, external=True, env=ENVIRONMENT)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the tests that take long."""
    options = ["-m", "slow", "-n", "2", "--dist", "loadfile", *session.posargs]
    session.run(PYTHON, "-m", "pytest", *options, external=True, env=ENVIRONMENT)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site with warnings as errors, in work_dirs/site."""
    options = ["-W", "--keep-going", "-q", "docs", "work_dirs/site", *session.posargs]
    session.run(PYTHON, "-m", "sphinx", *options, external=True, env=ENVIRONMENT)


@nox.session
def ci(session: nox.Session) -> None:
    """Run everything as CI does, from the set-up on."""
    session.run("bash", ".ci/run", external=True)
