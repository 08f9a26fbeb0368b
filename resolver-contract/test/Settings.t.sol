// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IMooringResolver, Policy, SignerSignature, Timestamp} from "../src/IMooringResolver.sol";
import {Answer, Fixture} from "./Fixture.sol";

contract SettingsTest is Fixture {
    uint256 internal constant TIMESTAMPER_KEY = 0x715;

    event PolicyChanged(bytes32 indexed node, address indexed owner, uint64 epoch, Policy policy);
    event EpochReset(bytes32 indexed node, address indexed owner, uint64 epoch);
    event FloorRaised(bytes32 indexed node, address indexed owner, uint64 epoch, uint64 minVersion);

    function both() internal view returns (address[] memory publishers) {
        publishers = new address[](2);
        (publishers[0], publishers[1]) = alice < bob ? (alice, bob) : (bob, alice);
    }

    function one(address publisher) internal pure returns (address[] memory publishers) {
        publishers = new address[](1);
        publishers[0] = publisher;
    }

    function set(Policy memory policy) internal {
        vm.prank(alice);
        resolver.setPolicy(ACME_NAME, policy);
    }

    function refusePolicy(Policy memory policy) internal {
        vm.expectRevert(abi.encodePacked(IMooringResolver.InvalidPolicy.selector));
        set(policy);
    }

    function test_protocol3_without_set_up_the_owner_is_the_only_publisher() public view {
        (address owner, bytes32 authority, Policy memory policy) = resolver.policyOf(WEB_NAME);
        assertTrue(owner == alice && authority == ACME && policy.publishers.length == 1);
        assertTrue(policy.publishers[0] == alice && policy.threshold == 1);
        assertTrue(policy.timestamper == address(0) && policy.maxAge == 0);
    }

    function test_protocol3_nobodys_name_has_no_policy() public view {
        (address owner, bytes32 authority, Policy memory policy) = resolver.policyOf("\x06nobody\x03eth\x00");
        assertTrue(owner == address(0) && authority == 0 && policy.publishers.length == 0);
    }

    function test_row6_two_of_two_publishers() public {
        vm.expectEmit(true, true, true, true);
        emit PolicyChanged(ACME, alice, 0, Policy(both(), 2, address(0), 0));
        set(Policy(both(), 2, address(0), 0));
        Answer memory a = answerV1();
        expectRefusal(a, IMooringResolver.ThresholdNotMet.selector);
        signByTwo(a, ALICE_KEY, BOB_KEY);
        expectText(a, V1_TEXT);
        (a.signatures[0], a.signatures[1]) = (a.signatures[1], a.signatures[0]);
        expectRefusal(a, IMooringResolver.SignersNotAscending.selector);
        a.signatures[1] = a.signatures[0];
        expectRefusal(a, IMooringResolver.SignersNotAscending.selector);
        signByTwo(a, ALICE_KEY, 0x5717a);
        expectRefusal(a, IMooringResolver.NotPublisher.selector);
    }

    function test_row6_who_was_struck_from_the_policy_is_no_publisher() public {
        address[] memory two = both();
        set(Policy(two, 1, address(0), 0));
        Answer memory a = answerV1();
        sign(a, two[1] == bob ? BOB_KEY : ALICE_KEY);
        expectText(a, V1_TEXT);
        set(Policy(one(two[0]), 1, address(0), 0));
        expectRefusal(a, IMooringResolver.NotPublisher.selector);
    }

    function test_protocol3_no_publishers_goes_back_to_the_owner_alone() public {
        set(Policy(one(bob), 1, address(0), 0));
        expectRefusal(answerV1(), IMooringResolver.NotPublisher.selector);
        set(Policy(new address[](0), 0, address(0), 0));
        expectText(answerV1(), V1_TEXT);
    }

    function ascending(uint256 count) internal pure returns (address[] memory publishers) {
        publishers = new address[](count);
        for (uint256 i = 0; i < count; i++) publishers[i] = address(uint160(0x1000 + i));
    }

    function test_protocol3_policies_outside_their_limits_are_refused() public {
        set(Policy(both(), 2, bob, 3600));
        set(Policy(both(), 1, bob, 604_800));
        refusePolicy(Policy(both(), 0, address(0), 0));
        refusePolicy(Policy(both(), 3, address(0), 0));
        refusePolicy(Policy(both(), 1, bob, 0));
        refusePolicy(Policy(both(), 1, address(0), 3600));
        refusePolicy(Policy(both(), 1, bob, 3599));
        refusePolicy(Policy(both(), 1, bob, 604_801));
        refusePolicy(Policy(one(address(0)), 1, address(0), 0));
        refusePolicy(Policy(new address[](0), 1, bob, 3600));
        set(Policy(ascending(8), 8, address(0), 0));
        refusePolicy(Policy(ascending(9), 8, address(0), 0));
        address[] memory falling = both();
        (falling[0], falling[1]) = (falling[1], falling[0]);
        refusePolicy(Policy(falling, 1, address(0), 0));
    }

    function test_protocol3_only_the_owner_or_its_operator_writes() public {
        bytes memory refused = abi.encodePacked(IMooringResolver.NotAuthorized.selector);
        vm.expectRevert(refused);
        resolver.reset(ACME_NAME);
        vm.expectRevert(refused);
        resolver.revoke(ACME_NAME, bob);
        vm.expectRevert(refused);
        resolver.setFallback(ACME_NAME, bob);
        vm.expectRevert(refused);
        resolver.setGateways(ACME_NAME, new string[](0));
        vm.expectRevert(refused);
        resolver.anchor(ACME_NAME, 1, bytes32(uint256(1)));
        vm.prank(alice);
        registry.setApprovalForAll(address(this), true);
        resolver.reset(ACME_NAME);
        vm.expectRevert(abi.encodePacked(IMooringResolver.NoOwner.selector));
        resolver.reset("\x06nobody\x03eth\x00");
    }

    function test_protocol3_an_operator_of_the_wrapper_writes_for_a_wrapped_name() public {
        vm.prank(alice);
        registry.setApprovalForAll(address(wrapper), true);
        vm.prank(alice);
        wrapper.wrap(ACME, alice, 0, false);
        vm.prank(alice);
        registry.setApprovalForAll(address(this), true);
        vm.expectRevert(abi.encodePacked(IMooringResolver.NotAuthorized.selector));
        resolver.reset(ACME_NAME);
        vm.prank(alice);
        wrapper.setApprovalForAll(address(this), true);
        resolver.reset(ACME_NAME);
    }

    function test_protocol3_what_an_owner_set_lapses_with_the_owner_and_the_epoch_stays() public {
        set(Policy(one(bob), 1, address(0), 0));
        vm.prank(alice);
        resolver.reset(ACME_NAME);
        vm.prank(alice);
        registry.setOwner(ACME, bob);
        (, , Policy memory policy) = resolver.policyOf(ACME_NAME);
        assertTrue(policy.publishers.length == 1 && policy.publishers[0] == bob);
        (uint64 epoch,,,) = resolver.stateOf(ACME_NAME);
        assertEq(epoch, 1);
        vm.prank(bob);
        registry.setOwner(ACME, alice);
        (, , policy) = resolver.policyOf(ACME_NAME);
        assertTrue(policy.publishers[0] == bob);
    }

    function test_protocol3_reset_kills_the_lists_of_one_name() public {
        Answer memory a = answerV1();
        vm.expectEmit(true, true, true, true);
        emit EpochReset(ACME, alice, 1);
        vm.prank(alice);
        resolver.reset(ACME_NAME);
        expectRefusal(a, IMooringResolver.EpochMismatch.selector);
        a.list.epoch = 1;
        sign(a, ALICE_KEY);
        expectText(a, V1_TEXT);
        expectText(answerFor(WEB_NAME, textCall(WEB, "oci-tag[v1]"), 1), V1_TEXT);
        vm.prank(alice);
        resolver.reset(WEB_NAME);
        expectRefusal(answerFor(WEB_NAME, textCall(WEB, "oci-tag[v1]"), 1), IMooringResolver.EpochMismatch.selector);
        expectText(a, V1_TEXT);
    }

    function test_row6_a_revoked_key_is_revoked_for_good() public {
        vm.prank(alice);
        resolver.revoke(WEB_NAME, alice);
        assertTrue(resolver.isRevoked(ACME_NAME, alice) && !resolver.isRevoked(ACME_NAME, bob));
        expectRefusal(answerV1(), IMooringResolver.Revoked.selector);
        set(Policy(both(), 1, address(0), 0));
        expectRefusal(answerV1(), IMooringResolver.Revoked.selector);
        vm.prank(alice);
        resolver.reset(ACME_NAME);
        Answer memory a = answerV1();
        a.list.epoch = 1;
        sign(a, ALICE_KEY);
        expectRefusal(a, IMooringResolver.Revoked.selector);
        sign(a, BOB_KEY);
        expectText(a, V1_TEXT);
    }

    function test_protocol2_2_anyone_relays_a_keys_own_revocation() public {
        bytes32 structHash = keccak256(
            abi.encode(keccak256("Revocation(bytes32 node,address owner,address key)"), ACME, alice, bob)
        );
        bytes memory wrong = signature(ALICE_KEY, typedHash(structHash));
        vm.expectRevert(abi.encodePacked(IMooringResolver.BadSignature.selector));
        resolver.revokeBySignature(ACME_NAME, bob, wrong);
        resolver.revokeBySignature(WEB_NAME, bob, signature(BOB_KEY, typedHash(structHash)));
        assertTrue(resolver.isRevoked(ACME_NAME, bob));
    }

    function test_row4_an_anchored_list_needs_no_signature_and_no_other_list_stands_there() public {
        Answer memory a = answerV1();
        a.list.version = 5;
        a.signatures = new SignerSignature[](0);
        expectRefusal(a, IMooringResolver.ThresholdNotMet.selector);
        bytes32 hash = listHash(a);
        vm.prank(alice);
        resolver.anchor(ACME_NAME, 5, hash);
        expectText(a, V1_TEXT);
        Answer memory other = answerV1();
        expectRefusal(other, IMooringResolver.Rollback.selector);
        (other.list.version, other.list.previous) = (5, bytes32(uint256(1)));
        sign(other, ALICE_KEY);
        expectRefusal(other, IMooringResolver.AnchorMismatch.selector);
    }

    function test_protocol3_clearing_an_anchor_touches_nothing_else() public {
        vm.prank(alice);
        resolver.anchor(ACME_NAME, 5, bytes32(uint256(1)));
        vm.prank(alice);
        resolver.anchor(ACME_NAME, 9, 0);
        (, uint64 minVersion, uint64 anchorVersion, bytes32 anchorHash) = resolver.stateOf(ACME_NAME);
        assertTrue(minVersion == 5 && anchorVersion == 0 && anchorHash == 0);
        vm.prank(alice);
        resolver.anchor(ACME_NAME, 3, bytes32(uint256(1)));
        (, minVersion, anchorVersion,) = resolver.stateOf(ACME_NAME);
        assertTrue(minVersion == 5 && anchorVersion == 3);
    }

    function test_protocol3_an_anchors_version_is_1_to_2_to_the_53() public {
        vm.prank(alice);
        resolver.anchor(ACME_NAME, 2 ** 53 - 1, bytes32(uint256(1)));
        bytes memory refused = abi.encodePacked(IMooringResolver.InvalidAnchor.selector);
        vm.expectRevert(refused);
        vm.prank(alice);
        resolver.anchor(ACME_NAME, 0, bytes32(uint256(1)));
        vm.expectRevert(refused);
        vm.prank(alice);
        resolver.anchor(ACME_NAME, 2 ** 53, bytes32(uint256(1)));
    }

    function test_protocol3_anyone_raises_the_floor_with_a_list_that_counts() public {
        Answer memory old = answerV1();
        Answer memory a = answerV1();
        a.list.version = 7;
        sign(a, BOB_KEY);
        vm.expectRevert(abi.encodePacked(IMooringResolver.NotPublisher.selector));
        resolver.checkpoint(ACME_NAME, a.list, a.signatures);
        sign(a, ALICE_KEY);
        vm.expectEmit(true, true, true, true);
        emit FloorRaised(ACME, alice, 0, 7);
        resolver.checkpoint(ACME_NAME, a.list, a.signatures);
        resolver.checkpoint(ACME_NAME, a.list, a.signatures);
        expectRefusal(old, IMooringResolver.Rollback.selector);
        vm.expectRevert(abi.encodePacked(IMooringResolver.Rollback.selector));
        resolver.checkpoint(ACME_NAME, old.list, old.signatures);
        expectText(a, V1_TEXT);
    }

    function test_row1_a_checkpoint_is_of_a_repositorys_name() public {
        Answer memory a = answerV1();
        vm.expectRevert(abi.encodePacked(IMooringResolver.InvalidName.selector));
        resolver.checkpoint("\x04Acme\x03eth\x00", a.list, a.signatures);
        resolver.checkpoint(ACME_NAME, a.list, a.signatures);
    }

    function test_row7_a_fresh_timestamp_where_the_policy_asks_for_one() public {
        Answer memory a = answerV1();
        a.timestamp = Timestamp(1, 2, "nobody asked");
        expectText(a, V1_TEXT);
        set(Policy(one(alice), 1, vm.addr(TIMESTAMPER_KEY), 3600));
        expectRefusal(a, IMooringResolver.BadTimestamp.selector);
        stamp(a, TIMESTAMPER_KEY, NOW);
        expectText(a, V1_TEXT);
        vm.warp(NOW + 3600);
        expectText(a, V1_TEXT);
        vm.warp(NOW + 3601);
        expectRefusal(a, IMooringResolver.StaleTimestamp.selector);
        stamp(a, TIMESTAMPER_KEY, NOW + 3601 + 301);
        expectRefusal(a, IMooringResolver.BadTimestamp.selector);
        stamp(a, TIMESTAMPER_KEY, NOW + 3601);
        expectText(a, V1_TEXT);
        vm.prank(alice);
        resolver.revoke(ACME_NAME, vm.addr(TIMESTAMPER_KEY));
        expectRefusal(a, IMooringResolver.BadTimestamp.selector);
    }

    function test_protocol3_gateways_of_the_owner_or_the_deployments() public {
        assertEq(bytes(resolver.gatewaysOf(WEB_NAME)[0]), "https://gateway.example");
        string[] memory urls = new string[](2);
        (urls[0], urls[1]) = ("https://one.example", "http://127.0.0.1:5050/base");
        vm.prank(alice);
        resolver.setGateways(ACME_NAME, urls);
        string[] memory stored = resolver.gatewaysOf(WEB_NAME);
        assertEq(stored.length, 2);
        assertEq(bytes(stored[1]), bytes(urls[1]));
        vm.prank(alice);
        resolver.setGateways(ACME_NAME, new string[](0));
        assertEq(resolver.gatewaysOf(ACME_NAME).length, 1);
    }

    function test_protocol3_a_base_URL_has_no_space_and_no_final_slash() public {
        string[5] memory bad = ["", "https://a b", "https://a/", unicode"https://ü", "https://a\x00"];
        for (uint256 i = 0; i < bad.length; ++i) {
            string[] memory urls = new string[](1);
            urls[0] = bad[i];
            vm.expectRevert(abi.encodePacked(IMooringResolver.InvalidGateway.selector));
            vm.prank(alice);
            resolver.setGateways(ACME_NAME, urls);
        }
        string[] memory nine = new string[](9);
        for (uint256 i = 0; i < 9; ++i) nine[i] = "https://a";
        vm.expectRevert(abi.encodePacked(IMooringResolver.InvalidGateway.selector));
        vm.prank(alice);
        resolver.setGateways(ACME_NAME, nine);
    }

    function test_protocol3_the_fallback_is_never_this_contract() public {
        assertEq(resolver.fallbackOf(ACME_NAME), address(publicResolver));
        vm.expectRevert(abi.encodePacked(IMooringResolver.InvalidFallback.selector));
        vm.prank(alice);
        resolver.setFallback(ACME_NAME, address(resolver));
        vm.prank(alice);
        resolver.setFallback(ACME_NAME, bob);
        assertEq(resolver.fallbackOf(WEB_NAME), bob);
    }

    function test_protocol3_the_zero_key_cannot_be_revoked() public {
        vm.expectRevert(abi.encodePacked(IMooringResolver.InvalidKey.selector));
        vm.prank(alice);
        resolver.revoke(ACME_NAME, address(0));
    }
}
