from .stage import *
def test_ok(stage):
    stage.offer_bill()
    r = stage.run()
    print(r.render("text"), stage.states(), stage.trail(), stage.peer.asked)
    r = stage.cli("run", str(stage.spec))
    print(r)
    r = stage.cli("run", str(stage.spec), "--dry-run", "--debug")
    print(r)
    r = stage.cli("validate", str(stage.spec)); print(r.stdout, r.stderr)
    assert 0
