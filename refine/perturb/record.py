"""A perturbation as JSON: what was changed, where, what a person would notice, and what the browser showed."""

from collections.abc import Mapping
from typing import Any

from refine.artifact import content_hash
from refine.errors import InputError
from refine.perturb.edits import ByteEdit
from refine.perturb.perturbing import Perturbation
from refine.perturb.proof import Proof
from refine.types import ProposedControl

FORMAT = 1


def perturbation_record(perturbation: Perturbation, proof: Proof | None) -> dict[str, Any]:
    """Enough to undo it (`edits_of`) and to keep its lineage; `proof` is None where none was asked for."""
    files = perturbation.files
    return {
        "format": FORMAT,
        "original": content_hash(perturbation.undo()),
        "mutant": content_hash(files),
        "operator": perturbation.operator,
        "channel": perturbation.channel,
        "severity": perturbation.severity,
        "seed": perturbation.seed,
        "description": perturbation.description,
        "site": {
            "file": files[perturbation.site.file].filename,
            "start": perturbation.site.start,
            "end": perturbation.site.end,
            "text": perturbation.site.text,
        },
        "edits": [
            {
                "file": files[edit.file].filename,
                "index": edit.file,
                "start": edit.start,
                "old": edit.old.decode("utf-8"),
                "new": edit.new.decode("utf-8"),
            }
            for edit in perturbation.edits
        ],
        **proof_record(proof),
    }


def proof_record(proof: Proof | None) -> dict[str, Any]:
    """The fields of a record that say what was proven."""
    told = None
    if proof is not None:
        told = {
            "ok": proof.ok,
            "refused_because": proof.refused_because,
            "channels": sorted(proof.channels),
            "details": {channel: list(said) for channel, said in proof.details.items()},
        }
    return {"is_proven": proof is not None and proof.ok, "proof": told}


def propose_control(perturbation: Perturbation) -> ProposedControl:
    """The perturbation as the loop hands it to whoever proves it."""
    return ProposedControl(
        files=perturbation.files,
        operator=perturbation.operator,
        channel=perturbation.channel,
        severity=perturbation.severity,
        shows_in=perturbation.shows_in,
        record=perturbation_record(perturbation, None),
    )


def edits_of(record: Mapping[str, Any]) -> tuple[ByteEdit, ...]:
    """The edits of a record, for `undo_edits`. Raises InputError for anything that is no record of this format."""
    if record.get("format") != FORMAT:
        raise InputError(f"this is no record of a perturbation of format {FORMAT}")
    try:
        return tuple(
            ByteEdit(
                file=int(edit["index"]), start=int(edit["start"]), old=edit["old"].encode(), new=edit["new"].encode()
            )
            for edit in record["edits"]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise InputError("the record's edits cannot be read") from exc
