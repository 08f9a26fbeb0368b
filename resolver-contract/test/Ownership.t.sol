// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {EnsOwnership} from "../src/EnsOwnership.sol";
import {IMooringResolver} from "../src/IMooringResolver.sol";
import {Answer, Fixture} from "./Fixture.sol";

/// @dev An account that takes any signature, or none.
contract Wallet {
    bytes internal answer;

    function set(bytes calldata answer_) external {
        answer = answer_;
    }

    function isValidSignature(bytes32, bytes calldata) external view {
        bytes memory a = answer;
        assembly ("memory-safe") {
            return(add(a, 32), mload(a))
        }
    }
}

contract OwnershipTest is Fixture {
    bytes4 internal constant NO_OWNER = IMooringResolver.NoOwner.selector;
    bytes4 internal constant OWNER_MISMATCH = IMooringResolver.OwnerMismatch.selector;

    function wrapAcme(uint64 expiresAt) internal {
        vm.prank(alice);
        registry.setApprovalForAll(address(wrapper), true);
        vm.prank(alice);
        wrapper.wrap(ACME, alice, expiresAt, true);
    }

    function answerWeb(uint256 key) internal view returns (Answer memory a) {
        a = answerFor(WEB_NAME, textCall(WEB, "oci-tag[v1]"), 1);
        a.list.owner = vm.addr(key);
        sign(a, key);
    }

    function test_protocol3_a_transfer_ends_the_old_owners_lists() public {
        Answer memory a = answerV1();
        expectText(a, V1_TEXT);
        vm.prank(alice);
        registry.setOwner(ACME, bob);
        expectRefusal(a, OWNER_MISMATCH);
    }

    function test_protocol3_an_unregistered_subname_is_its_parents_and_a_registered_one_its_owners_alone() public {
        expectText(answerWeb(ALICE_KEY), V1_TEXT);
        vm.prank(alice);
        registry.setSubnodeOwner(ACME, keccak256("web"), bob);
        expectRefusal(answerWeb(ALICE_KEY), OWNER_MISMATCH);
        expectText(answerWeb(BOB_KEY), V1_TEXT);
    }

    function test_row2_a_nearer_resolver_makes_the_name_unreachable() public {
        expectText(answerWeb(ALICE_KEY), V1_TEXT);
        vm.prank(alice);
        registry.setSubnodeOwner(ACME, keccak256("web"), alice);
        vm.prank(alice);
        registry.setResolver(WEB, address(publicResolver));
        expectRefusal(answerWeb(ALICE_KEY), IMooringResolver.UnreachableName.selector);
    }

    function test_row2_a_top_level_domain_and_the_root_own_nothing_below() public {
        registry.setSubnodeOwner(0, keccak256("test"), address(this));
        registry.setResolver(keccak256(abi.encodePacked(bytes32(0), keccak256("test"))), address(resolver));
        bytes memory name = "\x03foo\x04test\x00";
        Answer memory a = answerFor(name, textCall(nodeOf(name), "oci-tag[v1]"), 1);
        expectRefusal(a, NO_OWNER);
    }

    function test_protocol3_a_wrapped_name_belongs_to_the_wrappers_owner() public {
        wrapAcme(uint64(NOW + 455 days));
        expectText(answerV1(), V1_TEXT);
        vm.prank(alice);
        wrapper.transfer(ACME, bob);
        expectRefusal(answerV1(), OWNER_MISMATCH);
    }

    function test_protocol3_wrapped_in_grace_still_owned_and_after_it_nobodys() public {
        wrapAcme(uint64(NOW + 455 days));
        vm.warp(NOW + 366 days);
        Answer memory a = answerV1();
        (a.list.issuedAt, a.list.expiresAt) = (NOW + 366 days, NOW + 600 days);
        sign(a, ALICE_KEY);
        assertTrue(!wrapper.canModifyName(ACME, alice));
        expectText(a, V1_TEXT);
        vm.warp(NOW + 455 days);
        expectText(a, V1_TEXT);
        vm.warp(NOW + 455 days + 1);
        expectRefusal(a, NO_OWNER);
    }

    function test_protocol3_the_zero_owner_of_an_expired_wrapped_name_signs_nothing() public {
        wrapAcme(uint64(NOW + 10));
        vm.warp(NOW + 11);
        Answer memory a = answerV1();
        a.list.owner = address(0);
        a.signatures[0].signer = address(0);
        a.signatures[0].signature = new bytes(65);
        expectRefusal(a, NO_OWNER);
    }

    function test_protocol3_nothing_at_or_below_a_lapsed_name_has_an_owner() public {
        vm.prank(alice);
        registry.setSubnodeOwner(ACME, keccak256("web"), bob);
        vm.warp(NOW + 455 days);
        Answer memory a = answerWeb(BOB_KEY);
        (a.list.issuedAt, a.list.expiresAt) = (NOW + 455 days, NOW + 500 days);
        sign(a, BOB_KEY);
        expectText(a, V1_TEXT);
        vm.warp(NOW + 455 days + 1);
        expectRefusal(a, NO_OWNER);
    }

    function test_protocol3_a_new_owner_after_the_lapse_needs_no_transaction_to_end_the_old_lists() public {
        vm.warp(NOW + 456 days);
        registrar.register("acme", bob, NOW + 900 days);
        Answer memory a = answerV1();
        (a.list.issuedAt, a.list.expiresAt) = (NOW + 456 days, NOW + 500 days);
        sign(a, ALICE_KEY);
        expectRefusal(a, OWNER_MISMATCH);
        a.list.owner = bob;
        sign(a, BOB_KEY);
        expectText(a, V1_TEXT);
    }

    function test_a_chain_without_wrapper_and_registrar_asks_the_registry_alone() public {
        EnsOwnership plain = new EnsOwnership(address(registry), address(0), address(0));
        bytes32[] memory nodes = new bytes32[](2);
        (nodes[0], nodes[1]) = (ACME, ETH);
        (address found, bytes32 authority, address owner) = plain.authorityOf(ACME_NAME, nodes);
        assertTrue(found == address(resolver) && authority == ACME && owner == alice);
    }

    function test_protocol2_3_a_contract_owner_signs_by_ERC1271_and_only_with_the_whole_first_word() public {
        Wallet wallet = new Wallet();
        vm.prank(alice);
        registry.setOwner(ACME, address(wallet));
        Answer memory a = answerV1();
        a.list.owner = address(wallet);
        a.signatures[0].signer = address(wallet);
        a.signatures[0].signature = "anything";
        bytes4 bad = IMooringResolver.BadSignature.selector;
        wallet.set(abi.encode(bytes4(0x1626ba7e)));
        expectText(a, V1_TEXT);
        wallet.set(abi.encode(bytes4(0x1626ba7e), uint256(7)));
        expectText(a, V1_TEXT);
        wallet.set(abi.encodePacked(bytes4(0x1626ba7e)));
        expectRefusal(a, bad);
        wallet.set(abi.encode(uint256(0x1626ba7e)));
        expectRefusal(a, bad);
        wallet.set(abi.encode(bytes32(uint256(bytes32(bytes4(0x1626ba7e))) | 1)));
        expectRefusal(a, bad);
        wallet.set("");
        expectRefusal(a, bad);
    }

    function test_protocol2_3_an_owner_that_takes_code_keeps_its_ECDSA_lists() public {
        Answer memory a = answerV1();
        Wallet refusing = new Wallet();
        vm.etch(alice, address(refusing).code);
        expectText(a, V1_TEXT);
    }
}
