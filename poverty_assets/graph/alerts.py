"""Word of what failed, to whom the environment names: an address that takes a POST, a mailbox, or both.

Belongs here: what is said and how it is sent. Does not belong here: when (``sensors``). Addresses and passwords come from the
environment at the moment of sending and stand in no record, message or setting.
"""

from __future__ import annotations

import json
import logging
import os
import smtplib
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import EmailMessage

LOG = logging.getLogger("poverty_assets")
URL = "POVERTY_ASSETS_ALERT_URL"
MAIL_TO, MAIL_FROM = "POVERTY_ASSETS_ALERT_MAIL_TO", "POVERTY_ASSETS_ALERT_MAIL_FROM"
SMTP, SMTP_USER, SMTP_PASSWORD = (f"POVERTY_ASSETS_ALERT_SMTP{part}" for part in ("", "_USER", "_PASSWORD"))
MOST_TRIES = 3
SECONDS = 10.0


@dataclass(frozen=True)
class Alert:
    """What is said of a run that failed.

    Attributes
    ----------
    home : str
    job : str
    quarter : str
        Empty for a publication.
    run_id : str
    error : str
    """

    home: str
    job: str
    quarter: str
    run_id: str
    error: str

    @property
    def text(self) -> str:
        """In a sentence, with what to do."""
        of = f" of {self.quarter}" if self.quarter else ""
        return (
            f"poverty_assets: {self.job}{of} failed in {self.home}: {self.error}\n"
            f"Run {self.run_id}. The last good warehouse is untouched; poverty-assets status says what to do."
        )


def send(alert: Alert) -> list[str]:
    """Send to whatever the environment names; returns by which ways it went.

    Each way is tried a few times and then given up with a warning in the log: word that cannot be sent harms no run.
    """
    ways: dict[str, Callable[[Alert], None]] = {URL: _post, MAIL_TO: _mail}
    return [name for name, way in ways.items() if os.environ.get(name) and _sent(way, alert, name)]


def _sent(way: Callable[[Alert], None], alert: Alert, name: str) -> bool:
    for _ in range(MOST_TRIES):
        try:
            way(alert)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            said = type(error).__name__  # the error's own words may hold the address, which may hold a secret
        else:
            return True
    LOG.warning("word of run %s could not be sent as %s says: %s, %s times", alert.run_id, name, said, MOST_TRIES)
    return False


def _post(alert: Alert) -> None:
    body = json.dumps({"text": alert.text, **asdict(alert)}).encode()
    request = urllib.request.Request(os.environ[URL], body, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=SECONDS):
        pass


def _mail(alert: Alert) -> None:
    message = EmailMessage()
    message["Subject"] = alert.text.splitlines()[0][:200]
    message["From"] = os.environ.get(MAIL_FROM) or os.environ[MAIL_TO].split(",")[0]
    message["To"] = os.environ[MAIL_TO]
    message.set_content(alert.text)
    host, _, port = os.environ.get(SMTP, "localhost:25").partition(":")
    with smtplib.SMTP(host, int(port or 25), timeout=SECONDS) as server:
        if os.environ.get(SMTP_PASSWORD):
            server.starttls()
            server.login(os.environ.get(SMTP_USER, ""), os.environ[SMTP_PASSWORD])
        server.send_message(message)
