import pytest

from r1v3.evaluate.__main__ import find_model, model_name


def test_a_folder_with_a_config_is_a_model(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert find_model(str(tmp_path)) == tmp_path


def test_an_address_is_left_as_it_is():
    assert find_model("http://node:8000/v1") == "http://node:8000/v1"


def test_anything_else_is_refused_with_what_is_expected(tmp_path):
    with pytest.raises(
        ValueError, match=r"a folder with config\.json, a Hugging Face id or an http"
    ):
        find_model(str(tmp_path))


def test_a_results_folder_is_named_after_the_model():
    assert model_name("Skywork/Skywork-R1V3-38B@main") == "Skywork_Skywork-R1V3-38B_main"
    assert model_name("http://node:8000/v1") == "node_8000_v1"
