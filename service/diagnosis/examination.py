"""A signed request, looked at: its URL, its credentials, its signature, and what policies say."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from service.diagnosis import (
    checks as seen,
)
from service.diagnosis import (
    signature_mismatch as mismatch,
)
from service.diagnosis import (
    store_errors as refusals,
)
from service.diagnosis import (
    time_checks as times,
)
from service.diagnosis import (
    url_repair as pasted,
)
from service.diagnosis.canonical_request import read_received
from service.diagnosis.context import Context, DiagnosisInput
from service.diagnosis.differences import changes
from service.diagnosis.findings import Code, Finding
from service.diagnosis.request import ParsedRequest
from service.diagnosis.signature_proof import Proof, Verdict, prove

_FORBIDDEN: Final = 403


class SignedRequestDiagnosis:
    """Of one signed request."""

    def __init__(self, reading: DiagnosisInput, known: Context) -> None:
        self._mended = reading.mended
        self._told, self._reply, self._known = reading.sent, reading.reply, known
        self._received = read_received(reading.reply, reading.sent)
        session = known.session
        self._token = None if session is None else session.credentials.session_token
        self._verdict = Verdict.UNKNOWN
        self._sent = self._told if self._received is None else self._received.sent
        # The rest of what is told, where the store shows what it received
        more = {} if self._received is None else self._received.sent.headers or {}
        self._whole = replace(self._told, headers={**more, **(self._told.headers or {})})

    def findings(self) -> Iterator[Finding]:
        found = [*self._mended, *pasted.faults(self._told)]
        is_faultless = not found
        found += list(self._of_credentials())
        cut_off = any(each.code is Code.URL_TRUNCATED for each in found)
        if self._reply.is_authenticated:
            found += list(seen.unsigned_headers(self._told, self._reply, proven=False))
        else:
            found += list(self._of_signature(is_whole=not cut_off, is_faultless=is_faultless))
        if not any(each.proven for each in found):
            found += list(self._of_policies(found))
        return iter(found)

    def _of_credentials(self) -> Iterator[Finding]:
        """What a store looks at before the signature."""
        told, reply, session = self._told, self._reply, self._known.session
        tokens = list(seen.token(told, reply, self._token, known=session is not None))
        yield from tokens or seen.key_id(reply)
        yield from seen.v2_refused(reply)
        ends = None if session is None else session.expires_at
        yield from times.faults(
            told, reply, times.times_of(told, reply, now=self._known.now, session_ends=ends)
        )
        yield from seen.redirect(reply)
        yield from seen.region(told, reply, self._known.place)
        yield from seen.authorizations(told, reply)

    def _of_signature(self, *, is_whole: bool, is_faultless: bool) -> Iterator[Finding]:
        proof = self._proof() if is_whole else Proof(Verdict.UNKNOWN)
        self._verdict = proof.verdict
        right = proof.verdict is Verdict.RIGHT
        refused = self._reply.code == "SignatureDoesNotMatch"
        differences = list(self._differences(proof)) if is_whole else []
        unsigned = list(seen.unsigned_headers(self._told, self._reply, proven=right and refused))
        dots = list(seen.dots(self._told, proven=right and refused))
        yield from (*differences, *unsigned, *dots)
        if proof.verdict in {Verdict.UNKNOWN, Verdict.NONE}:
            yield from self._guesses(explained=bool(differences) or not is_whole)
        elif right and refused and is_faultless and not (unsigned or dots):
            # It is of what was told, unless the store shows a request of another path.
            if self._sent.path == self._told.path:
                yield mismatch.changed_underway()
            else:
                yield mismatch.another_answer()

    def _proof(self) -> Proof:
        session = self._known.session
        return prove(
            self._with_token(self._sent),
            [] if self._received is None else [self._with_token(self._whole)],
            credentials=None if session is None else session.credentials,
            place=self._known.place,
        )

    def _with_token(self, sent: ParsedRequest) -> ParsedRequest:
        """Whether the token is right is told for itself."""
        if self._known.session is None:
            return sent
        return sent.with_parameter("x-amz-security-token", self._token)

    def _differences(self, proof: Proof) -> Iterator[Finding]:
        """How what was signed, or at least told, differs from what was sent."""
        if proof.verdict is Verdict.OTHER and proof.signed is not None:
            found = list(changes(proof.signed, self._with_token(self._sent)))
            yield from mismatch.placed(found, proof.signed, self._received)
        elif self._received is not None and proof.verdict is not Verdict.RIGHT:
            found = list(changes(self._whole, self._received.sent))
            yield from mismatch.as_received(found, self._whole, self._received)

    def _guesses(self, *, explained: bool) -> Iterator[Finding]:
        """Where no request is known that the signature is of."""
        place, reply, sent = self._known.place, self._reply, self._sent
        yield from seen.host(self._told, place)
        if explained:
            return
        refused = reply.code == "SignatureDoesNotMatch"
        yield from seen.shape(sent)
        yield from seen.query(sent) if refused else ()
        if self._known.session is not None and not sent.untold_headers:
            yield mismatch.unexplained(sent)
        elif refused and not sent.missing_headers:
            yield mismatch.untold(sent)

    def _of_policies(self, found: Sequence[Finding]) -> Iterator[Finding]:
        if self._reply.is_authenticated:
            yield refusals.denied(self._reply, proven=not found)
        elif self._reply.code is None and self._reply.status == _FORBIDDEN and not found:
            if self._verdict is Verdict.RIGHT:
                yield refusals.denied(self._reply, proven=False)
            else:
                yield refusals.no_error_body()
