"""Runs slither's detectors over a compiled build and prints what they find as JSON, without line numbers.

usage: findings.py ROOT BUILD    ROOT: the package; BUILD: a folder whose build-info/ forge wrote, syntax trees included

forge's configuration is not at the package's root, so slither's command line does not find the build; its library does.
"""

import inspect
import json
import os
import sys

from crytic_compile import CryticCompile
from slither import Slither
from slither.core.declarations import FunctionContract
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector

# Not part of what is deployed.
IGNORED = ["node_modules/", "resolver-contract/src/dev/"]


def detectors():
    classes = (getattr(all_detectors, name) for name in dir(all_detectors))
    return [each for each in classes if inspect.isclass(each) and issubclass(each, AbstractDetector)]


def qualified(element):
    """`Contract.function.variable`, as far as it goes; parameters left out."""
    names = [element["name"].split("(")[0]]
    parent = element.get("type_specific_fields", {}).get("parent")
    while parent and parent["type"] != "file":
        names.append(parent["name"].split("(")[0])
        parent = parent.get("type_specific_fields", {}).get("parent")
    return ".".join(reversed(names))


def finding(result):
    """Where it is, and which statements it names."""
    elements = result["elements"]
    first = elements[0]
    if first["type"] == "node":
        parent = first["type_specific_fields"]["parent"]
        where = qualified({**parent, "type_specific_fields": parent.get("type_specific_fields", {})})
    else:
        where = qualified(first)
    what = sorted({each["name"] for each in elements if each["type"] == "node"})
    return {"check": result["check"], "impact": result["impact"].lower(), "where": where, "what": "; ".join(what)}


def unchecked_blocks(slither):
    """No detector of slither's: every function of ours that turns the compiler's overflow checks off."""
    for contract in slither.contracts:
        for function in contract.functions_declared + contract.modifiers_declared:
            path = function.source_mapping.filename.relative
            if not isinstance(function, FunctionContract) or any(part in path for part in IGNORED):
                continue
            if any(not node.scope.is_checked for node in function.nodes):
                where = f"{contract.name}.{function.name}"
                yield {"check": "unchecked-block", "impact": "medium", "where": where, "what": ""}


def main(root, build):
    os.chdir(root)
    compiled = CryticCompile(
        ".", compile_force_framework="hardhat", ignore_compile=True, hardhat_artifacts_directory=build
    )
    slither = Slither(compiled, exclude_dependencies=True, filter_paths=IGNORED)
    for detector in detectors():
        if detector is not AbstractDetector:
            slither.register_detector(detector)
    results = [result for found in slither.run_detectors() for result in found or []]
    findings = [finding(result) for result in results] + list(unchecked_blocks(slither))
    unique = {json.dumps(each, sort_keys=True): each for each in findings}
    contracts = sorted({each.name for each in slither.contracts_derived})
    print(json.dumps({"contracts": contracts, "findings": [unique[key] for key in sorted(unique)]}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
