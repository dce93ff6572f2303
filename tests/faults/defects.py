"""The delivery protocol as a table of its steps: each dropped from the real engine, and what breaks then.

`invariant`: I1 twice in the target, I2 posted and not whole, I3 lost, P stuck, E a person or a call too many. A step is
caught by random schedules of a class, or by a scene of its own where chance would rarely draw what it is for.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from engine.state.boot import boot_of

from . import defects_delivery as delivery
from . import defects_files as files
from . import defects_ledger as ledger
from . import defects_reading as reading
from . import scenes, scenes_http
from .cast import Cast
from .schedule import Play

FIRST_SEED = 500_000
SOON, RARE = 100, 400
"""Schedules within which a defect must show: at every change of the code, and in the long proof."""


@dataclass(frozen=True, kw_only=True)
class Defect:
    """A step left out. Without a `scene` it must show in the first `within` schedules of `klass`."""

    step: str
    section: str
    cast: Cast
    invariant: str
    klass: str = ""
    within: int = SOON
    scene: Callable[[Any, Cast], list[str]] | None = None
    weather: Callable[[Play], None] = lambda _play: None

    def __str__(self) -> str:
        return f"{self.step}-{self.klass or self.scene.__name__}".replace(" ", "_")


@dataclass(frozen=True, kw_only=True)
class Catch:
    """How a defect showed: in the schedule of that number (0: in its scene), by these problems."""

    defect: Defect
    number: int
    problems: list[str]

    def __str__(self) -> str:
        one = self.defect
        how = f"schedule {self.number} of {one.klass}" if one.scene is None else f"scene `{one.scene.__name__}`"
        shown = next((line for line in self.problems if line.startswith(one.invariant)), "NOTHING")
        return f"| {one.step} | {one.section} | {one.invariant} | {how} | {shown[:90]} |"


def by_scene(step, section, invariant, scene, **parts):
    return Defect(step=step, section=section, invariant=invariant, scene=scene, cast=Cast(**parts))


def by_chance(step, section, invariant, klass, *, within=SOON, weather=lambda _play: None, **parts):
    return Defect(
        step=step, section=section, invariant=invariant, klass=klass, within=within, weather=weather, cast=Cast(**parts)
    )


def looks_fail(play: Play) -> None:
    """Seen only where two looks in a row fail."""
    play.shop.look["busy"] = 15


DEFECTS = (
    by_chance("intent before send", "4.8", "I1", "C", within=RARE, delivery=delivery.SendsBeforeTheIntent),
    by_scene(
        "intent before send", "4.8", "I1", scenes.killed_around_the_intent, delivery=delivery.SendsBeforeTheIntent
    ),
    by_scene(
        "answer after the commit", "3", "I1", scenes.a_full_disk_at_the_intent, commits=ledger.AnswersBeforeTheCommit
    ),
    by_scene("look before send", "4.6", "I1", scenes.yesterdays_database, delivery=delivery.SendsUnseen),
    by_chance("look before send", "4.6", "I1", "B", within=RARE, delivery=delivery.SendsUnseen),
    by_chance("settle", "4.12", "I1", "B", delivery=delivery.NeverWaits),
    by_scene("settle of the dead", "4.13", "I1", scenes.killed_while_it_is_under_way, recovery_settles=False),
    by_chance("settle of the dead", "4.13", "I1", "B", within=RARE, recovery_settles=False),
    by_scene(
        "settle on a clock nobody sets", "4", "I1", scenes.the_clock_is_set, boot=lambda stage: boot_of(stage.wall)
    ),
    by_chance("settle on a clock nobody sets", "4", "I1", "B", within=RARE, boot=lambda stage: boot_of(stage.wall)),
    by_chance("second look", "4.16", "I1", "B", within=RARE, delivery=delivery.LooksOnce),
    by_scene("second look", "4.16", "I1", scenes.a_moment_of_blindness, delivery=delivery.LooksOnce),
    by_scene("spacing of looks", "4.16", "I1", scenes.a_moment_of_blindness, delivery=delivery.LooksTwiceAtOnce),
    by_chance("spacing of looks", "4.16", "I1", "B", within=RARE, delivery=delivery.LooksTwiceAtOnce),
    by_chance(
        "failed look is not absent", "4.5", "I1", "B", delivery=delivery.TakesFailedForAbsent, weather=looks_fail
    ),
    by_chance("doubt is not retry", "4.12", "I1", "B", delivery=delivery.TakesDoubtForFailure),
    by_chance("doubt is not retry", "4.18", "I1", "C", delivery=delivery.TakesDoubtForFailure),
    by_chance("answer before posted", "4.9", "I2", "B", delivery=delivery.TakesDoubtForSuccess),
    by_chance("completeness check", "4.15", "I2", "B", delivery=delivery.BelievesInWholeness),
    by_chance("undo before resend", "4.17", "I1", "B", delivery=delivery.ResendsHalves),
    by_scene("undo only what is ours", "2", "I3", scenes.somebody_keyed_half, delivery=delivery.UndoesAnybodys),
    by_scene("content compared", "4.7", "I2", scenes.somebody_keyed_another_amount, delivery=delivery.ComparesNothing),
    by_scene("two matches are held", "4.7", "I2", scenes.somebody_keyed_it_twice, delivery=delivery.CountsOne),
    by_scene("epoch check", "3", "I1", scenes.a_claim_taken_over, ledger=ledger.WithoutEpochs),
    by_chance("epoch check", "3", "I1", "B", within=RARE, ledger=ledger.WithoutEpochs),
    by_scene(
        "deadline from the intent",
        "3",
        "I1",
        scenes_http.a_worker_stopped_behind_its_intent,
        http=reading.CountsFromTheSend,
    ),
    by_scene(
        "deadline of an undo", "3", "I2", scenes_http.a_worker_stopped_before_its_undo, steps=reading.UndoesAtLeisure
    ),
    by_chance("deadline before the wire", "3", "I1", "B", within=RARE, target=files.NeverLate),
    by_chance("recovery of abandoned", "4.13", "P", "B", ledger=ledger.WithoutRecovery),
    by_chance("resume of built files", "5.24", "P", "F", dropping=files.KeepsNothingBuilt),
    by_scene("most sends", "4.18", "P", scenes.a_target_that_never_answers, delivery=delivery.SendsForEver),
    by_scene("most refusals", "4.21", "P", scenes.a_target_that_always_refuses, delivery=delivery.AsksForEver),
    by_scene("429 is not a send", "4.10", "E", scenes.a_busy_target, delivery=delivery.CountsRefusedCalls),
    by_scene("401 replayed once", "8", "P", scenes_http.a_login_that_is_never_good_enough, http=reading.LogsInForEver),
    by_scene("poison after three deaths", "4.23", "P", scenes.a_document_that_kills, ledger=ledger.WithoutPoison),
    by_scene("a bug is a doubt", "4.12", "I1", scenes.a_mistake_in_the_middle, writing=ledger.ForgivesBugs),
    by_scene("near-duplicate hold", "2", "I1", scenes.a_number_with_a_zero, delivery=delivery.SeesNothingNear),
    by_scene("lock checked before each send", "3", "E", scenes.a_lock_that_is_lost, delivery=delivery.KeepsNoLock),
    by_scene("one run of a flow", "8", "E", scenes.a_second_run, lock=lambda *_: nullcontext()),
    by_chance("hash compared", "2", "I3", "B", preparer=ledger.WithoutHashes),
    by_chance("hash not inside the key", "2", "I1", "B", preparer=ledger.HashInsideTheKey),
    by_chance("known documents are not taken in again", "2", "P", "B", ledger=ledger.KnowsNothing),
    by_scene("one-transaction ingest", "4.1", "I3", scenes.killed_inside_the_intake, ledger=ledger.TwoTransactions),
    by_chance("one-transaction ingest", "4.1", "I3", "B", ledger=ledger.TwoTransactions),
    by_chance("commit before archive", "5.4", "I3", "B", source=files.ArchivesFirst),
    by_scene(
        "cursor after commit",
        "6.4",
        "I3",
        scenes_http.killed_before_the_pass_is_durable,
        listing=reading.MovesTheCursorEarly,
    ),
    by_scene("lookback", "6.3", "I3", scenes_http.a_row_committed_late, listing=reading.LooksNotBack),
    by_scene(
        "cap before the pass", "6.1", "I3", scenes_http.a_change_behind_the_reading_position, listing=reading.KnowsNoCap
    ),
    by_scene("pages overlap", "6.2", "I3", scenes_http.a_row_that_moves_while_paging, listing=reading.SkipsPlainly),
    by_chance("outbox before upload", "7", "I1", "F", dropping=files.UploadsFirst),
    by_scene("sending before rename", "7", "I1", scenes.the_consumer_was_faster, ledger=ledger.StartsUnseen),
    by_chance("sending before rename", "7", "I1", "F", within=RARE, ledger=ledger.StartsUnseen),
    by_scene(
        "a lost rename is not unsent",
        "5.25",
        "I1",
        scenes.a_lost_rename_and_a_fast_consumer,
        dropping=files.TakesLostForUnsent,
    ),
    by_chance("a lost rename is not unsent", "5.25", "I1", "F", within=RARE, dropping=files.TakesLostForUnsent),
    by_chance("absent after a rename is held", "5.25", "I1", "F", dropping=files.sending_again),
    by_scene("look after a lost rename", "5.25", "E", scenes.killed_behind_the_rename, dropping=files.NeverLooks),
    by_scene(
        "the file found is ours", "5.25", "I2", scenes.somebodys_file_after_a_crash, dropping=files.TakesAnyFileForOurs
    ),
    by_chance("one name for each batch", "7", "I2", "F", dropping=files.NamesAnew),
    by_scene("rename never replaces", "7", "I3", scenes.somebodys_file_has_the_name, dropping=files.overwriting),
    by_chance("rename never replaces", "7", "I3", "F", dropping=files.overwriting),
)


def seeds(klass: str, many: int) -> range:
    start = "ABCF".index(klass) * 1_000_000 + FIRST_SEED
    return range(start, start + many)


def catch(theatre: Any, defect: Defect) -> Catch:
    """Plays the defect until its invariant breaks first."""
    if defect.scene is not None:
        return Catch(defect=defect, number=0, problems=defect.scene(theatre, defect.cast))
    for number, seed in enumerate(seeds(defect.klass, defect.within), start=1):
        theatre.house.clear()
        play = Play(theatre.flow, theatre.house, defect.klass, seed, defect.cast)
        defect.weather(play)
        problems = play.play().problems
        if any(line.startswith(defect.invariant) for line in problems):
            return Catch(defect=defect, number=number, problems=problems)
    return Catch(defect=defect, number=defect.within, problems=[])
