"""One Slurm for all tests here, and checkouts that use it. `make test-slurm` runs them."""

import os
from pathlib import Path

import one_machine
import pytest
from on_slurm import OnSlurm


def pytest_collection_modifyitems(items):
    """Skip these tests unless they are asked for, because they start daemons and take minutes."""
    here = Path(__file__).parent
    reason = "`make test-slurm` runs the tests that start a Slurm"
    if os.environ.get("R1V3_TEST_SLURM"):
        reason = one_machine.why_not()
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.integration)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def cluster():
    with one_machine.slurm(nodes=6) as running:
        yield running


@pytest.fixture(scope="session")
def finished(tmp_path_factory, make_workflow, cluster):
    """Run the user's command with the tiny recipe, and return the checkout and the output."""
    checkout = OnSlurm(make_workflow(tmp_path_factory.mktemp("checkout")), cluster)
    return checkout, checkout.run(*checkout.tiny)
