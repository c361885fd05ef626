"""The script that `.ci/wasm` runs in WebAssembly runs here as well."""

import wasm_smoke


def test_the_script(tmp_path, capsys):
    wasm_smoke.main(tmp_path)
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()][:3] == ["images", "sequences", "table"]
