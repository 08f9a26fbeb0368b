// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IMooringResolver, Policy, Proof, SignerSignature, Timestamp} from "../src/IMooringResolver.sol";
import {Answer, IGetters} from "./Fixture.sol";
import {SafeFixture} from "./SafeFixture.sol";
import {Slot, TagListBuilder} from "./TagListBuilder.sol";

interface IEnsOffchainResolver {
    function makeSignatureHash(address target, uint64 expires, bytes calldata request, bytes calldata result)
        external
        pure
        returns (bytes32);
    function resolveWithProof(bytes calldata response, bytes calldata extraData) external view returns (bytes memory);
}

/// @notice What the callback costs, and ceilings for it: execution only, every slot and account cold but the called one, which a
/// transaction always finds warm; what a transaction itself and its calldata cost is not in it. The registry is mainnet's kind, which
/// asks its predecessor for the nodes that it does not know.
/// forge-config: default.isolate = true
contract GasTest is SafeFixture {
    uint256 private constant TIMESTAMPER_KEY = 0x715;
    address private predecessor;
    address private safe;
    uint256[] private safeKeys;
    uint256[] private signers;

    function setUp() public override {
        super.setUp();
        string[] memory tags = new string[](7);
        bytes[] memory values = new bytes[](7);
        for (uint256 i = 0; i < 7; ++i) {
            tags[i] = string(abi.encodePacked("v", bytes1(uint8(0x31 + i))));
            values[i] = TagListBuilder.encode(TagListBuilder.entry(bytes32(uint256(0x11 * (i + 1)) * ones())));
        }
        keep(TagListBuilder.slots(tags, values));
        safeKeys = ascendingKeys(0x5afe, 3);
        safe = newSafe(safeKeys, 2);
    }

    function newRegistry() internal override returns (address) {
        predecessor = deploy("ens/build/contracts/ENSRegistry.json", "");
        return deploy("ens/build/contracts/ENSRegistryWithFallback.json", abi.encode(predecessor));
    }

    function test_an_EOA_owner() public {
        check("EOA", answer(ACME_NAME, ACME, "oci-tag[v1]"), [uint256(48_500), 50_500, 51_500]);
    }

    function test_an_absent_tag() public {
        check("absence", answerFor(ACME_NAME, textCall(ACME, "oci-tag[v11]"), 1), [uint256(48_500), 50_500, 51_500]);
    }

    function test_a_wrapped_name() public {
        vm.prank(alice);
        registry.setApprovalForAll(address(wrapper), true);
        vm.prank(alice);
        wrapper.wrap(ACME, alice, NOW + 455 days, true);
        check("wrapped", answer(ACME_NAME, ACME, "oci-tag[v1]"), [uint256(55_000), 55_000, 57_000]);
    }

    function test_one_unregistered_level() public {
        check("wildcard", answer(WEB_NAME, WEB, "oci-tag[v1]"), [uint256(70_000), 70_000, 70_000]);
    }

    function test_three_of_five_EOAs() public {
        uint256[] memory keys = ascendingKeys(0xe0a, 5);
        vm.prank(alice);
        resolver.setPolicy(ACME_NAME, Policy(addressesOf(keys), 3, address(0), 0));
        signers = firstOf(keys, 3);
        check("3-of-5 EOAs", answer(ACME_NAME, ACME, "oci-tag[v1]"), [uint256(72_000), 72_000, 72_000]);
    }

    function test_a_Safe_of_two_of_three_with_timestamp() public {
        vm.prank(alice);
        registry.setOwner(ACME, safe);
        address[] memory publishers = new address[](1);
        publishers[0] = safe;
        vm.prank(safe);
        resolver.setPolicy(ACME_NAME, Policy(publishers, 1, vm.addr(TIMESTAMPER_KEY), 1 days));
        check("Safe 2-of-3, timestamp", answer(ACME_NAME, ACME, "oci-tag[v1]"), [uint256(90_000), 90_000, 90_000]);
    }

    function test_a_multicall_of_five() public {
        bytes[] memory calls = new bytes[](5);
        Answer memory a;
        for (uint256 i = 0; i < 5; ++i) {
            calls[i] = textCall(ACME, string(abi.encodePacked("oci-tag[v", bytes1(uint8(0x31 + i)), "]")));
        }
        a = answerFor(ACME_NAME, abi.encodeCall(IGetters.multicall, (calls)), 1);
        a.proofs = new Proof[](5);
        for (uint256 i = 0; i < 5; ++i) {
            a.proofs[i] = TagListBuilder.proof(slots, i + 1);
        }
        check("multicall of 5", a, [uint256(100_000), 110_000, 116_000]);
    }

    /// @dev Beside ours: one trusted key for all names, no list and no chain to ask.
    function test_ENS_own_offchain_resolver_beside_ours() public {
        address[] memory trusted = new address[](1);
        trusted[0] = alice;
        address other = deployFrom(
            "node_modules/@ensdomains/offchain-resolver-contracts/artifacts/contracts/OffchainResolver.sol/OffchainResolver.json",
            abi.encode("https://gateway.example/{sender}/{data}.json", trusted)
        );
        bytes memory request = abi.encodeCall(IMooringResolver.resolve, (ACME_NAME, textCall(ACME, "oci-tag[v1]")));
        bytes memory result = abi.encode(V1_TEXT);
        bytes32 hash = IEnsOffchainResolver(other).makeSignatureHash(other, NOW + 300, request, result);
        bytes memory response = abi.encode(result, NOW + 300, signature(ALICE_KEY, hash));
        bytes memory call = abi.encodeCall(IEnsOffchainResolver.resolveWithProof, (response, request));
        (bytes memory returned, uint256 gasUsed) = coldCall(other, call);
        assertEq(abi.decode(returned, (bytes)), result);
        record("ENS own offchain-resolver", gasUsed);
    }

    function test_empty_calldata_reverts_under_5000_gas() public {
        address target = address(resolver);
        vm.cool(target);
        uint256 before = gasleft();
        (bool ok,) = target.staticcall("");
        uint256 gasUsed = before - gasleft();
        record("empty calldata", gasUsed);
        assertTrue(!ok && gasUsed < 5_000);
    }

    function test_deployed_code_is_at_most_20000_bytes() public {
        record("deployed bytes", address(resolver).code.length);
        assertTrue(address(resolver).code.length <= 20_000);
    }

    /// @dev Measures an answer from lists of 10, 10,000 and 1,000,000 tags against a ceiling each.
    function check(string memory what, Answer memory a, uint256[3] memory ceilings) private {
        uint256[3] memory tags = [uint256(10), 10_000, 1_000_000];
        Proof[] memory short = a.proofs;
        for (uint256 i = 0; i < 3; ++i) {
            a.list.count = uint64(tags[i] + 1);
            a.proofs = new Proof[](short.length);
            for (uint256 j = 0; j < short.length; ++j) {
                a.proofs[j] = lengthened(short[j], TagListBuilder.depthOf(tags[i] + 1));
            }
            a.list.root = rootAbove(TagListBuilder.root(slots), TagListBuilder.depthOf(slots.length), a.proofs[0].path);
            signAll(a);
            bytes memory call = abi.encodeCall(IMooringResolver.resolveCallback, (encoded(a), extraData(a)));
            (, uint256 gasUsed) = coldCall(address(resolver), call);
            record(string.concat(what, ", ", Strings.toString(tags[i]), " tags"), gasUsed);
            assertTrue(gasUsed <= ceilings[i]);
        }
    }

    /// @dev For whoever reads forge's JSON: the benchmark prints these.
    function record(string memory what, uint256 value) private {
        vm.snapshotValue("gas", what, value);
    }

    /// @dev A longer path: our eight slots are the corner of a greater tree, whose other hashes are made up.
    function lengthened(Proof memory proof, uint256 depth) private pure returns (Proof memory made) {
        made = Proof(proof.key, proof.nextKey, proof.value, new bytes32[](depth));
        for (uint256 i = 0; i < depth; ++i) {
            made.path[i] = i < proof.path.length ? proof.path[i] : keccak256(abi.encode(i));
        }
    }

    function rootAbove(bytes32 node, uint256 depth, bytes32[] memory path) private pure returns (bytes32) {
        for (uint256 i = depth; i < path.length; ++i) {
            node = keccak256(node < path[i] ? abi.encodePacked(node, path[i]) : abi.encodePacked(path[i], node));
        }
        return node;
    }

    function answer(bytes memory name, bytes32 node, string memory key) private view returns (Answer memory) {
        return answerFor(name, textCall(node, key), 1);
    }

    /// @dev By the publishers that the test named, by the Safe where it owns the name, else by Alice.
    function signAll(Answer memory a) private view {
        a.list.owner = registry.owner(ACME) == safe ? safe : alice;
        if (a.list.owner == safe) return signBySafe(a);
        if (signers.length == 0) return sign(a, ALICE_KEY);
        a.signatures = new SignerSignature[](signers.length);
        for (uint256 i = 0; i < signers.length; ++i) {
            a.signatures[i] = SignerSignature(vm.addr(signers[i]), signature(signers[i], listHash(a)));
        }
    }

    function signBySafe(Answer memory a) private view {
        a.signatures = new SignerSignature[](1);
        a.signatures[0] = SignerSignature(safe, safeSignature(safe, firstOf(safeKeys, 2), listHash(a)));
        stamp(a, TIMESTAMPER_KEY, NOW);
    }

    /// @dev A transaction of its own, so that everything is cold but the called account; its own price and its calldata's are taken off.
    function coldCall(address target, bytes memory call) private returns (bytes memory returned, uint256 gasUsed) {
        bool ok;
        (ok, returned) = target.call(call);
        gasUsed = vm.lastCallGas().gasTotalUsed - priceOf(call);
        assertTrue(ok);
    }

    function priceOf(bytes memory call) private pure returns (uint256 price) {
        price = 21_000;
        for (uint256 i = 0; i < call.length; ++i) {
            price += call[i] == 0 ? 4 : 16;
        }
    }
}
