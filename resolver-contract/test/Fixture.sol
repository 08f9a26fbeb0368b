// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {EnsOwnership} from "../src/EnsOwnership.sol";
import {IMooringResolver, ListHeader, Proof, SignerSignature, Timestamp} from "../src/IMooringResolver.sol";
import {MooringResolver} from "../src/MooringResolver.sol";
import {TestNameWrapper} from "../src/dev/TestNameWrapper.sol";
import {TestRegistrar} from "../src/dev/TestRegistrar.sol";
import {Slot, TagListBuilder} from "./TagListBuilder.sol";
import {Vm} from "./Vm.sol";

interface IRegistry {
    function owner(bytes32 node) external view returns (address);
    function setSubnodeOwner(bytes32 node, bytes32 label, address owner) external returns (bytes32);
    function setOwner(bytes32 node, address owner) external;
    function setResolver(bytes32 node, address resolver) external;
    function setApprovalForAll(address operator, bool approved) external;
}

interface IPublicResolver {
    function setText(bytes32 node, string calldata key, string calldata value) external;
    function setAddr(bytes32 node, address a) external;
    function text(bytes32 node, string calldata key) external view returns (string memory);
    function addr(bytes32 node) external view returns (address);
}

interface IGetters {
    function text(bytes32 node, string calldata key) external view returns (string memory);
    function data(bytes32 node, string calldata key) external view returns (bytes memory);
    function addr(bytes32 node) external view returns (address);
    function contenthash(bytes32 node) external view returns (bytes memory);
    function multicall(bytes[] calldata calls) external returns (bytes[] memory);
}

/// @dev All that a gateway answers, and what was asked.
struct Answer {
    bytes name;
    bytes data;
    ListHeader list;
    SignerSignature[] signatures;
    Timestamp timestamp;
    Proof[] proofs;
}

/// @notice A chain with `acme.eth`, owned by Alice and answered by the resolver, and lists that she signs: tags v1, v2 and v3.
abstract contract Fixture {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint64 internal constant NOW = 1_800_000_000;
    uint256 internal constant ALICE_KEY = 0xa11ce;
    uint256 internal constant BOB_KEY = 0xb0b;
    bytes32 internal constant ETH = keccak256(abi.encodePacked(bytes32(0), keccak256("eth")));
    bytes32 internal constant ACME = keccak256(abi.encodePacked(ETH, keccak256("acme")));
    bytes32 internal constant WEB = keccak256(abi.encodePacked(ACME, keccak256("web")));
    bytes internal constant ACME_NAME = "\x04acme\x03eth\x00";
    bytes internal constant WEB_NAME = "\x03web\x04acme\x03eth\x00";
    string internal constant LIST_TYPE =
        "TagList(string name,bytes32 node,address owner,uint64 epoch,uint64 version,bytes32 previous,bytes32 root,uint64 count,bytes32 delegations,uint64 issuedAt,uint64 expiresAt)";
    string internal constant V1_TEXT = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

    IRegistry internal registry;
    TestRegistrar internal registrar;
    TestNameWrapper internal wrapper;
    IPublicResolver internal publicResolver;
    EnsOwnership internal ownership;
    MooringResolver internal resolver;
    address internal alice = vm.addr(ALICE_KEY);
    address internal bob = vm.addr(BOB_KEY);
    Slot[] internal slots;

    function setUp() public virtual {
        vm.warp(NOW);
        registry = IRegistry(newRegistry());
        registrar = new TestRegistrar(address(registry));
        wrapper = new TestNameWrapper(address(registry));
        publicResolver = IPublicResolver(deploy("resolver/build/contracts/PublicResolver.json", abi.encode(registry)));
        ownership = new EnsOwnership(address(registry), address(wrapper), address(registrar));
        string[] memory gateways = new string[](1);
        gateways[0] = "https://gateway.example";
        resolver = new MooringResolver(ownership, address(publicResolver), gateways);
        registry.setSubnodeOwner(0, keccak256("eth"), address(registrar));
        registrar.register("acme", alice, NOW + 365 days);
        vm.prank(alice);
        registry.setResolver(ACME, address(resolver));
        keep(threeTags());
    }

    function newRegistry() internal virtual returns (address) {
        return deploy("ens/build/contracts/ENSRegistry.json", "");
    }

    function deploy(string memory artifact, bytes memory arguments) internal returns (address) {
        return deployFrom(string.concat("node_modules/@ensdomains/", artifact), arguments);
    }

    /// @notice A contract from what a package published: its artifact holds the creation code.
    function deployFrom(string memory path, bytes memory arguments) internal returns (address made) {
        bytes memory code = bytes.concat(vm.parseJsonBytes(vm.readFile(path), ".bytecode"), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0), "not deployed");
    }

    function keep(Slot[] memory list) internal {
        delete slots;
        for (uint256 i = 0; i < list.length; ++i) {
            slots.push(list[i]);
        }
    }

    function threeTags() internal pure returns (Slot[] memory) {
        string[] memory tags = new string[](3);
        bytes[] memory values = new bytes[](3);
        for (uint256 i = 0; i < 3; ++i) {
            tags[i] = string(abi.encodePacked("v", bytes1(uint8(0x31 + i))));
            values[i] = TagListBuilder.encode(TagListBuilder.entry(bytes32(uint256(0x11 * (i + 1)) * ones())));
        }
        return TagListBuilder.slots(tags, values);
    }

    function ones() internal pure returns (uint256) {
        return type(uint256).max / 0xff;
    }

    function textCall(bytes32 node, string memory key) internal pure returns (bytes memory) {
        return abi.encodeCall(IGetters.text, (node, key));
    }

    /// @notice Alice's list, and the proof for the slot at a position.
    function answerFor(bytes memory name, bytes memory data, uint256 position) internal view returns (Answer memory a) {
        a.name = name;
        a.data = data;
        a.list = ListHeader(
            alice, 0, 1, 0, TagListBuilder.root(slots), uint64(slots.length), keccak256(""), NOW, NOW + 90 days
        );
        a.proofs = new Proof[](1);
        a.proofs[0] = TagListBuilder.proof(slots, position);
        sign(a, ALICE_KEY);
    }

    /// @notice The answer for tag v1 of acme.eth.
    function answerV1() internal view returns (Answer memory) {
        return answerFor(ACME_NAME, textCall(ACME, "oci-tag[v1]"), 1);
    }

    function sign(Answer memory a, uint256 key) internal view {
        a.signatures = new SignerSignature[](1);
        a.signatures[0] = SignerSignature(vm.addr(key), signature(key, listHash(a)));
    }

    /// @notice Signed by two, in ascending order of their addresses.
    function signByTwo(Answer memory a, uint256 key, uint256 otherKey) internal view {
        (uint256 first, uint256 second) = vm.addr(key) < vm.addr(otherKey) ? (key, otherKey) : (otherKey, key);
        a.signatures = new SignerSignature[](2);
        a.signatures[0] = SignerSignature(vm.addr(first), signature(first, listHash(a)));
        a.signatures[1] = SignerSignature(vm.addr(second), signature(second, listHash(a)));
    }

    /// @notice A timestamp for the list, by this key, for a day.
    function stamp(Answer memory a, uint256 key, uint64 issuedAt) internal view {
        a.timestamp = Timestamp(issuedAt, issuedAt + 1 days, "");
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Timestamp(bytes32 node,uint64 epoch,uint64 version,bytes32 list,uint64 issuedAt,uint64 expiresAt)"),
                nodeOf(a.name),
                a.list.epoch,
                a.list.version,
                listHash(a),
                a.timestamp.issuedAt,
                a.timestamp.expiresAt
            )
        );
        a.timestamp.signature = signature(key, typedHash(structHash));
    }

    function signature(uint256 key, bytes32 hash) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, hash);
        return abi.encodePacked(r, s, v);
    }

    function listHash(Answer memory a) internal view returns (bytes32) {
        bytes32 node = nodeOf(a.name);
        ListHeader memory l = a.list;
        bytes memory head = abi.encode(
            keccak256(bytes(LIST_TYPE)), keccak256(textOf(a.name)), node, l.owner, uint256(l.epoch), uint256(l.version)
        );
        bytes memory rest = abi.encode(
            l.previous, l.root, uint256(l.count), l.delegations, uint256(l.issuedAt), uint256(l.expiresAt)
        );
        return typedHash(keccak256(bytes.concat(head, rest)));
    }

    function typedHash(bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Mooring"),
                keccak256("1"),
                block.chainid,
                address(resolver)
            )
        );
        return keccak256(abi.encodePacked("\x19\x01", domain, structHash));
    }

    /// @notice The namehash of a DNS-encoded name, by recursion.
    function nodeOf(bytes memory name) internal pure returns (bytes32) {
        uint256 length = uint8(name[0]);
        if (length == 0) return 0;
        return keccak256(
            abi.encodePacked(nodeOf(slice(name, length + 1, name.length)), keccak256(slice(name, 1, length + 1)))
        );
    }

    function textOf(bytes memory name) internal pure returns (bytes memory text) {
        uint256 length = uint8(name[0]);
        text = slice(name, 1, length + 1);
        bytes memory rest = slice(name, length + 1, name.length);
        return rest.length == 1 ? text : bytes.concat(text, ".", textOf(rest));
    }

    function slice(bytes memory from, uint256 start, uint256 end) internal pure returns (bytes memory cut) {
        cut = new bytes(end - start);
        for (uint256 i = 0; i < cut.length; ++i) {
            cut[i] = from[start + i];
        }
    }

    function encoded(Answer memory a) internal pure returns (bytes memory) {
        return abi.encode(a.list, a.signatures, a.timestamp, a.proofs);
    }

    function extraData(Answer memory a) internal view returns (bytes memory) {
        return abi.encode(abi.encodeCall(IMooringResolver.resolve, (a.name, a.data)), address(resolver));
    }

    function ask(Answer memory a) internal view returns (bytes memory) {
        return resolver.resolveCallback(encoded(a), extraData(a));
    }

    function expectText(Answer memory a, string memory text) internal view {
        assertEq(ask(a), abi.encode(text));
    }

    function expectRefusal(Answer memory a, bytes4 reason) internal view {
        expectRefusal(encoded(a), extraData(a), reason);
    }

    function expectRefusal(bytes memory response, bytes memory extra, bytes4 reason) internal view {
        try resolver.resolveCallback(response, extra) returns (bytes memory) {
            revert("accepted");
        } catch (bytes memory refusal) {
            assertEq(refusal, abi.encodePacked(reason));
        }
    }

    function assertEq(bytes memory a, bytes memory b) internal pure {
        require(keccak256(a) == keccak256(b), "bytes differ");
    }

    function assertEq(uint256 a, uint256 b) internal pure {
        require(a == b, "numbers differ");
    }

    function assertEq(address a, address b) internal pure {
        require(a == b, "addresses differ");
    }

    function assertTrue(bool held) internal pure {
        require(held, "does not hold");
    }
}
