from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from collectors import CHANNELS
from collectors.http import Pacer, build_client
from domain.brands import Account
from domain.errors import ChannelUnavailableError
from storage import tokens
from storage.models import TokenRow
from storage.tokens import DatabaseTokenStore
from tests.fakes_runtime import SEALER, Death
from tests.storage.rows import NOW

if TYPE_CHECKING:
    from storage.session import Database


@pytest.fixture
def store(database: Database) -> DatabaseTokenStore:
    return DatabaseTokenStore(database, SEALER.seal, SEALER.open)


def test_there_is_no_token_at_first(store: DatabaseTokenStore) -> None:
    assert store.load("a/b") == {}


def test_a_token_is_sealed_and_comes_back(database: Database, store: DatabaseTokenStore) -> None:
    store.save("a/b", {"refresh": "geheim"})
    store.save("a/b", {"refresh": "geheim2"})
    assert store.load("a/b") == {"refresh": "geheim2"}
    assert store.load("a/c") == {}
    with database.reading() as connection:
        sealed = connection.execute(select(TokenRow.sealed)).scalar_one()
    assert sealed
    assert b"geheim" not in sealed


def test_only_one_refreshes_at_a_time(store: DatabaseTokenStore) -> None:
    """Each reads the token and writes the next: without exclusion some would be lost."""
    store.save("a/b", {"n": "0"})

    def refresh() -> None:
        for _ in range(2):
            with store.exclusive("a/b"):
                store.save("a/b", {"n": str(int(store.load("a/b")["n"]) + 1)})

    threads = [threading.Thread(target=refresh) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert store.load("a/b") == {"n": "6"}


def test_accounts_do_not_wait_for_each_other(store: DatabaseTokenStore) -> None:
    with store.exclusive("a/b"), store.exclusive("a/c"):
        store.save("a/c", {"n": "1"})
    assert store.load("a/c") == {"n": "1"}


def test_waiting_ends_with_a_retryable_error(
    store: DatabaseTokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(tokens, "_PAUSE_S", 0.0)
    with (
        store.exclusive("a/b"),
        pytest.raises(ChannelUnavailableError, match="a/b"),
        store.exclusive("a/b"),
    ):
        pytest.fail("two hold one token")


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_renewal_ends_before_anybody_else_begins_one(channel: str) -> None:
    spec = CHANNELS[channel].spec
    account = Account("a", "b", channel)
    with build_client(account, spec, pacer=Pacer(), clock=lambda: NOW) as client:
        slowest = timedelta(seconds=max(5.0, spec.min_interval_s) + client.write_timeout_s)
    assert slowest < tokens._LEASE


def test_a_failure_gives_the_token_back(store: DatabaseTokenStore) -> None:
    with pytest.raises(Death), store.exclusive("a/b"):
        raise Death
    with store.exclusive("a/b"):
        pass
