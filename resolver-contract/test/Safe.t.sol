// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IMooringResolver, Policy, SignerSignature} from "../src/IMooringResolver.sol";
import {Answer} from "./Fixture.sol";
import {ISafe, SafeFixture} from "./SafeFixture.sol";

/// @dev Takes all the gas it is given.
contract BurningWallet {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        while (true) {}
        return 0x1626ba7e;
    }
}

/// @notice Protocol 2.3 with wallets as they are deployed.
contract SafeTest is SafeFixture {
    function transferTo(address owner) internal {
        vm.prank(alice);
        registry.setOwner(ACME, owner);
    }

    /// @dev The answer for v1, signed by the owners of these keys for their Safe.
    function answerOf(address owner, address safe, uint256[] memory keys) internal view returns (Answer memory a) {
        a = answerV1();
        a.list.owner = owner;
        a.signatures[0] = SignerSignature(safe, safeSignature(safe, keys, listHash(a)));
    }

    function test_protocol2_3_a_Safe_of_one_owns_a_name_and_signs_its_list() public {
        uint256[] memory keys = ascendingKeys(0x1, 1);
        address safe = newSafe(keys, 1);
        transferTo(safe);
        expectText(answerOf(safe, safe, keys), V1_TEXT);
        expectRefusal(answerOf(safe, safe, ascendingKeys(0x77, 1)), IMooringResolver.BadSignature.selector);
    }

    function test_protocol2_3_a_Safe_of_two_of_three_needs_two_and_counts_as_one_publisher() public {
        uint256[] memory keys = ascendingKeys(0x5afe, 3);
        address safe = newSafe(keys, 2);
        address[] memory publishers = new address[](1);
        publishers[0] = safe;
        vm.prank(alice);
        resolver.setPolicy(ACME_NAME, Policy(publishers, 1, address(0), 0));
        expectText(answerOf(alice, safe, firstOf(keys, 2)), V1_TEXT);
        expectRefusal(answerOf(alice, safe, firstOf(keys, 1)), IMooringResolver.BadSignature.selector);
        expectRefusal(answerV1(), IMooringResolver.NotPublisher.selector);
    }

    function test_protocol2_3_a_list_dies_with_the_Safe_owner_who_signed_it() public {
        uint256[] memory keys = ascendingKeys(0x5afe, 3);
        address safe = newSafe(keys, 2);
        transferTo(safe);
        Answer memory a = answerOf(safe, safe, firstOf(keys, 2));
        expectText(a, V1_TEXT);
        vm.prank(safe);
        ISafe(safe).swapOwner(address(1), vm.addr(keys[0]), bob);
        expectRefusal(a, IMooringResolver.BadSignature.selector);
    }

    function test_protocol2_3_a_Safe_sets_its_own_names_policy() public {
        address safe = newSafe(ascendingKeys(0x5afe, 3), 2);
        transferTo(safe);
        vm.prank(safe);
        resolver.reset(ACME_NAME);
        vm.prank(alice);
        vm.expectRevert(abi.encodePacked(IMooringResolver.NotAuthorized.selector));
        resolver.reset(ACME_NAME);
    }

    function test_protocol2_3_a_wallet_that_burns_all_gas_is_a_bad_signature() public {
        Answer memory a = answerV1();
        expectText(a, V1_TEXT);
        BurningWallet wallet = new BurningWallet();
        transferTo(address(wallet));
        a.list.owner = address(wallet);
        a.signatures[0] = SignerSignature(address(wallet), "");
        bytes memory call = abi.encodeCall(IMooringResolver.resolveCallback, (encoded(a), extraData(a)));
        (bool ok, bytes memory refusal) = address(resolver).staticcall{gas: 5_000_000}(call);
        assertTrue(!ok);
        assertEq(refusal, abi.encodePacked(IMooringResolver.BadSignature.selector));
    }
}
