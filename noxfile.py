"""Sessions of nox: steps of `.ci/run`, each in the environment that `tools/setup.sh` made."""

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests"]
PYTHON = ".venv/bin/python"
ENVIRONMENT = {"OMP_NUM_THREADS": "1"}


def ci_steps(session: nox.Session, *words: str) -> None:
    """Run `.ci/run` with these words."""
    session.run("bash", ".ci/run", *words, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    ci_steps(session, "lint", "format", "shellcheck")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types."""
    ci_steps(session, "types")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the default tests."""
    ci_steps(session, "tests")


@nox.session
def slow(session: nox.Session) -> None:
    """Run the tests that take long."""
    ci_steps(session, "slow")


@nox.session
def extras(session: nox.Session) -> None:
    """Run the tests of optional packages, which `.ci/run extras-tools` installs."""
    ci_steps(session, "extras")


@nox.session
def docs(session: nox.Session) -> None:
    """Read all pages, with warnings as errors."""
    ci_steps(session, "docs")


@nox.session
def site(session: nox.Session) -> None:
    """Write the site into work_dirs/site."""
    options = ["-W", "--keep-going", "-q", "docs", "work_dirs/site", *session.posargs]
    session.run(PYTHON, "-m", "sphinx", *options, external=True, env=ENVIRONMENT)


@nox.session
def coverage(session: nox.Session) -> None:
    """Gate the coverage of the parts behind `--`, such as `losses`, each by its own tests.

    Without a part, gate the whole package by all default tests. The least share is `fail_under` of
    pyproject.toml.
    """
    parts = {part: f"tests/test_{part}" for part in session.posargs} or {"": "tests"}
    for part, folder in parts.items():
        source = f"--cov=mmkd/{part}".rstrip("/")
        options = [folder, source, "--cov-report=term:skip-covered", "-n", "2", "--dist=loadfile"]
        session.run(PYTHON, "-m", "pytest", *options, external=True, env=ENVIRONMENT)


@nox.session
def openmmlab(session: nox.Session) -> None:
    """Set up the original OpenMMLab packages in .venv-openmmlab, and run the default tests."""
    ci_steps(session, "--family", "openmmlab")


@nox.session
def ci(session: nox.Session) -> None:
    """Run everything as CI does, from the set-up on."""
    ci_steps(session)
