"""The certificate: coverage where the truth is known, and the suite through a real `archkit bench`."""

from __future__ import annotations

import json
import random
import statistics
from decimal import Decimal

import pytest

from archkit.bench.recipe import load_recipe
from archkit.bench.report import find_runs, prove
from archkit.bench.report.certificate import Noise, _best, _named
from archkit.bench.sweep.suite import load_suite
from archkit.budget import Budget, FairSample, candidates, read_share, sample, samples_needed
from archkit.errors import ArchkitError, BudgetError
from archkit.spec import parse_space
from archkit.statistics import at_least, student_t
from tests.bench.runs import write_run

SPACE = parse_space("[1..3]*2x[8..32:8] order=nondecreasing")
BUDGET = Budget.read({"max_params": 60_000})
TOP, CONFIDENCE, DRAWS = Decimal("0.1"), Decimal("0.95"), 29
TIMES = 1_000


# --- how many


@pytest.mark.parametrize(
    ("top", "confidence", "n"),
    [
        ("1%", "95%", 299),  # 0.99^298 = 0.0500, 0.99^299 = 0.0495
        ("10%", "95%", 29),
        ("5%", "95%", 59),  # Wilks (1941): 59 for 95% of a population with 95% confidence
        ("1%", "99%", 459),
        ("10%", "19%", 2),  # exactly: 0.9^2 = 0.81
        ("0.5", "0.75", 2),
        ("50%", "1%", 1),
    ],
)
def test_how_many_samples(top, confidence, n):
    shares = read_share(top, option="--top"), read_share(confidence, option="--confidence")
    assert samples_needed(*shares) == n


@pytest.mark.parametrize("text", ["0", "0%", "1", "100%", "-1%", "nan", "x", "", "101%", "inf%"])
def test_what_is_no_share(text):
    with pytest.raises(BudgetError, match="--top must be a share"):
        read_share(text, option="--top")


# --- coverage


@pytest.fixture(scope="module")
def population():
    return [row.spec for row in candidates(SPACE, BUDGET)]


@pytest.fixture(scope="module")
def samples():
    drawn = [row.spec for row in sample(SPACE, BUDGET, TIMES * DRAWS, seed=0)]
    return [drawn[i : i + DRAWS] for i in range(0, len(drawn), DRAWS)]


def ranks(population, score, spec):
    """The share of all whose score is higher, and the share whose score is no higher."""
    above = sum(one > score[spec] for one in score.values())
    return above / len(population), 1 - above / len(population)


@pytest.mark.parametrize("ties", [False, True])
def test_the_best_lies_in_the_top_and_the_intervals_hold_as_often_as_they_say(population, samples, ties):
    random_ = random.Random(1)  # noqa: S311 - a simulation, not a secret
    score = {spec: float(random_.randrange(8) if ties else random_.random()) for spec in population}
    names = sorted(population, key=score.__getitem__)
    others = [names[len(names) * part // 10] for part in (1, 5, 9)]
    in_top, best_holds, named_holds = 0, 0, dict.fromkeys(others, 0)
    for specs in samples:
        listed = [(spec, score[spec]) for spec in specs]
        best = max(specs, key=score.__getitem__)
        above, no_higher = ranks(population, score, best)
        in_top += above < TOP
        low, high = _best(best, score[best], listed, None, 0.05).share
        best_holds += low <= no_higher <= high
        for spec in others:
            low, high = _named(spec, score[spec], listed, None, 0.05).share
            named_holds[spec] += low <= ranks(population, score, spec)[1] <= high
    assert in_top >= 0.95 * TIMES
    assert best_holds >= 0.95 * TIMES
    assert min(named_holds.values()) >= 0.95 * TIMES


def test_the_intervals_of_the_means_hold_where_seeds_make_noise(population, samples):
    """The scores are means plus noise, a fifth as large as what tells the networks apart."""
    random_ = random.Random(2)  # noqa: S311 - likewise
    mean = {spec: random_.gauss(90, 1) for spec in population}
    other = sorted(population, key=mean.__getitem__)[len(population) // 2]
    sd, df = 0.2, 20
    best_holds = named_holds = narrow = 0
    for specs in samples:
        seen = {spec: mean[spec] + random_.gauss(0, sd) for spec in dict.fromkeys([*specs, other])}
        guess = sd * statistics.fmean(random_.gauss(0, 1) ** 2 for _ in range(df)) ** 0.5
        margin = student_t_of(df, len(seen)) * guess
        listed = [(spec, seen[spec]) for spec in specs]
        noise = Noise(sd=guess, df=df, margin=margin)
        best = max(specs, key=seen.__getitem__)
        low, _ = _best(best, seen[best], listed, noise, 0.05).expected
        best_holds += low <= ranks(population, mean, best)[1]
        narrow += low > 0.2
        low, high = _named(other, seen[other], listed, noise, 0.05).expected
        named_holds += low <= ranks(population, mean, other)[1] <= high
    assert best_holds >= 0.95 * TIMES
    assert named_holds >= 0.95 * TIMES
    assert narrow > TIMES / 2  # it says something


_T: dict[int, float] = {}


def student_t_of(df, networks):
    return _T.setdefault(networks, student_t(df, 1 - 0.025 / networks))


# --- from runs


def fair(top="60%", seed=0):
    share = read_share(top, option="--top")
    return FairSample.plan(SPACE, BUDGET, seed=seed, top=share, confidence=CONFIDENCE)


def test_a_table_is_read_back():
    import tomllib

    budget = Budget.read({"max_params": "5e4", "min_macs": 10, "max_peak_memory": 10**9, "peak_bits": 8})
    one = FairSample.plan(SPACE, budget, seed=7, top=TOP, confidence=CONFIDENCE)
    assert FairSample.from_mapping(tomllib.loads(one.to_toml())["certificate"]) == one


def runs_of(tmp_path, specs, accuracies, **more):
    for spec, correct in zip(specs, accuracies, strict=True):
        write_run(tmp_path / "runs", spec, correct=correct, train=50_000, **more)
    return find_runs([tmp_path / "runs"])[0]


def test_what_runs_prove(tmp_path):
    one = fair()
    specs = [row.spec for row in one.networks()]
    assert len(specs) == one.draws == 4  # 0.4^3 = 0.064, 0.4^4 = 0.026
    different = list(dict.fromkeys(specs))
    runs = runs_of(tmp_path, different, range(9000, 9000 + len(different)))
    proof = prove(one, runs, by="test")
    assert (proof.draws, proof.missing, proof.seeds, proof.noise) == (4, None, (0,), None)
    assert proof.best.spec == different[-1]
    assert proof.best.score == pytest.approx((9000 + len(different) - 1) / 10_000)
    assert proof.best.share == (pytest.approx(0.05 ** (1 / 4)), 1.0)
    assert proof.best.expected is None
    # By hand: the worst of four, as if named: 1 of 4 in Clopper and Pearson's interval (R's binom.test).
    if len(different) == 4:
        worst = prove(one, runs, by="test", network=different[0]).named
        assert (worst.hits, worst.share) == (1, pytest.approx((0.0063093, 0.8058796), abs=5e-7))


def test_runs_that_began_with_other_weights_do_not_stand_in_for_those_of_the_sample(tmp_path):
    one = fair()
    different = list(dict.fromkeys(row.spec for row in one.networks()))
    runs_of(tmp_path, different, [9000] * len(different))
    runs = runs_of(tmp_path, different[:1], [9900], init="ab" * 32)
    assert prove(one, runs, by="test").best.score == pytest.approx(0.9)


def test_draws_count_up_to_the_first_without_a_run(tmp_path):
    one = fair("10%")
    specs = [row.spec for row in one.networks()]
    gone = specs[10]
    first = specs.index(gone)
    trained = [spec for spec in dict.fromkeys(specs) if spec != gone]
    runs = runs_of(tmp_path, trained, [9000] * len(trained))
    proof = prove(one, runs, by="test")
    assert (proof.draws, proof.missing) == (first, gone)
    assert 1 - proof.top == pytest.approx(0.05 ** (1 / first))


def test_two_seeds_give_the_noise(tmp_path):
    one = fair()
    different = list(dict.fromkeys(row.spec for row in one.networks()))
    runs_of(tmp_path, different, [9000] * len(different))
    runs = runs_of(tmp_path, different[:1], [9020], seed=1)
    proof = prove(one, runs, by="test")
    assert proof.seeds == (0,)
    # By hand: of 90.00 and 90.20, half of the difference times the root of 2.
    assert (proof.noise.sd, proof.noise.df) == (pytest.approx(0.001 * 2**0.5), 1)
    assert proof.noise.margin == pytest.approx(student_t(1, 1 - 0.025 / len(different)) * 0.001 * 2**0.5)
    # None is told apart, so any of the four may be the best: rank 3 at most, a part of 1/20 of 2.5%.
    above = one.draws - [row.spec for row in one.networks()].count(proof.best.spec)
    part = 0.025 / ((above + 1) * (above + 2))
    assert proof.best.expected == (at_least(4 - above, 4, 1 - part), 1.0)


def test_what_cannot_be_proved(tmp_path):
    one = fair()
    specs = list(dict.fromkeys(row.spec for row in one.networks()))
    with pytest.raises(ArchkitError, match="no finished run is of the first network"):
        prove(one, ())
    runs = runs_of(tmp_path, specs, [9000] * len(specs))
    with pytest.raises(ArchkitError, match=r"no run of .* is like those of the sample"):
        prove(one, runs, network="resnet10")
    other = load_recipe("strong")
    runs = (*runs, *runs_of(tmp_path, ["resnet10"], [9500], recipe=other))
    with pytest.raises(ArchkitError, match=r"no run of .* is like those of the sample"):
        prove(one, runs, network="resnet10")


# --- the command


def test_from_the_space_to_the_proof(cli, write_folder, tmp_path):
    folder = write_folder(train=10, test=5, size=(8, 8))
    space = ["[1..2]*2x[4..12:4] classes=2 input=3x8x8", "--max-params", "20k", "--top", "60%", "--seed", "3"]
    written = cli("certify", *space, "-o", "c.toml", "--recipe", "demo", cwd=tmp_path)
    assert written.returncode == 0, written.stderr
    assert written.stdout.startswith("4 fair samples: the best of them lies in the top 60% of the ")
    again = cli("certify", *space, "-o", "c.toml", cwd=tmp_path)
    assert (again.returncode, "--force" in again.stderr) == (1, True)

    suite = load_suite(tmp_path / "c.toml")
    drawn = [row.spec for row in suite.certificate.networks()]
    assert [str(run.spec) for run in suite.runs] == list(dict.fromkeys(drawn))

    args = ["--data", str(folder), "--epochs", "1", "--set", "batch_size=4", "--device", "cpu", "--quiet"]
    trained = cli("bench", "c.toml", *args, cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    proved = cli("certify", "c.toml", "--network", drawn[0], cwd=tmp_path)
    assert proved.returncode == 0, proved.stderr
    assert "with 95% confidence, the best of the 4 draws lies in the top 60%" in proved.stdout
    assert "Seeds' noise: not known" in proved.stdout

    seeds = cli("bench", "c.toml", *args, "--seeds", "1", cwd=tmp_path)
    assert seeds.returncode == 0, seeds.stderr
    as_json = cli("certify", "c.toml", "--runs", "runs", "--by", "test", "--json", cwd=tmp_path)
    found = json.loads(as_json.stdout)
    assert (found["draws"], found["seeds"], found["noise"]["df"]) == (4, [0, 1], len(set(drawn)))

    path = tmp_path / "c.toml"
    path.write_text(path.read_text().replace("seed = 3", "seed = 4"))
    changed = cli("certify", "c.toml", cwd=tmp_path)
    assert changed.returncode == 1
    assert "these are not the networks that seed 4 draws" in changed.stderr


def test_training_all_is_cheaper(cli):
    done = cli("certify", "[1..2]*2x[8,16]")
    assert done.returncode == 0
    assert "Only 4 networks fit: training all of them is cheaper" in done.stdout


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--top", "0"], 2, "--top must be a share"),
        (["--recipe", "fast"], 2, "--recipe goes with --output"),
        (["--network", "resnet10"], 2, "--network goes with a suite"),
        (["--max-params", "10"], 1, "nothing fits"),
        (["-o", "c.csv"], 1, "ends in .toml"),
        (["-o", "c.toml", "--top", "0.01%"], 1, "a suite has 10,000 at most"),
        (["-o", "c.toml", "--recipe", "none"], 1, "none"),
        (["benchmarks/smoke.toml", "--runs", "."], 1, "has no [certificate]"),
    ],
)
def test_mistakes(cli, args, code, message):
    done = cli("certify", *([] if "benchmarks" in args[0] else ["[1..2]*2x[8..64:8]"]), *args)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
