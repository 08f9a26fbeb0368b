// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IMooringResolver, Proof} from "../src/IMooringResolver.sol";
import {Answer, Fixture} from "./Fixture.sol";
import {TagListBuilder} from "./TagListBuilder.sol";

contract GasTest is Fixture {
    event Measured(string what, uint256 gasUsed);

    /// @dev Execution only, every slot and account cold but the called one, which a transaction always finds warm; what a transaction
    /// itself and its calldata cost is not in it.
    function measure(Answer memory a) internal returns (uint256 gasUsed) {
        bytes memory call = abi.encodeCall(IMooringResolver.resolveCallback, (encoded(a), extraData(a)));
        address target = address(resolver);
        vm.cool(target);
        vm.cool(address(ownership));
        vm.cool(address(registry));
        vm.cool(address(registrar));
        vm.cool(address(wrapper));
        assertTrue(target.code.length > 0);
        uint256 before = gasleft();
        (bool ok,) = target.staticcall(call);
        gasUsed = before - gasleft();
        assertTrue(ok);
    }

    /// @dev A tree of 10,001 slots seen from one leaf: fourteen hashes on its path.
    function answerAmongTenThousand() internal view returns (Answer memory a) {
        a = answerV1();
        a.list.count = 10_001;
        Proof memory proof = a.proofs[0];
        proof.path = new bytes32[](14);
        bytes32 node = TagListBuilder.leaf(slots[1]);
        for (uint256 i = 0; i < 14; ++i) {
            bytes32 other = keccak256(abi.encode(i));
            proof.path[i] = other;
            node = keccak256(node < other ? abi.encodePacked(node, other) : abi.encodePacked(other, node));
        }
        a.list.root = node;
        sign(a, ALICE_KEY);
    }

    function test_callback_of_an_EOA_owner_with_10000_tags_costs_at_most_60000_gas() public {
        uint256 gasUsed = measure(answerAmongTenThousand());
        emit Measured("callback, EOA owner, 10,000 tags", gasUsed);
        assertTrue(gasUsed <= 60_000);
    }

    function test_empty_calldata_reverts_under_5000_gas() public {
        address target = address(resolver);
        vm.cool(target);
        uint256 before = gasleft();
        (bool ok,) = target.staticcall("");
        uint256 gasUsed = before - gasleft();
        emit Measured("empty calldata", gasUsed);
        assertTrue(!ok && gasUsed < 5_000);
    }

    function test_deployed_code_is_at_most_20000_bytes() public {
        emit Measured("deployed bytes", address(resolver).code.length);
        assertTrue(address(resolver).code.length <= 20_000);
    }
}
