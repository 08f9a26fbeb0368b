// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IMooringResolver, ListHeader} from "./IMooringResolver.sol";
import {IOwnership} from "./IOwnership.sol";
import {ListChecks} from "./ListChecks.sol";
import {OwnerSettings} from "./OwnerSettings.sol";
import {AbiReader} from "./lib/AbiReader.sol";
import {DnsName} from "./lib/DnsName.sol";
import {Hex} from "./lib/Hex.sol";
import {Lookup} from "./lib/Lookup.sol";
import {TagEntry} from "./lib/TagEntry.sol";
import {TagTree} from "./lib/TagTree.sol";

/// @notice An ENS name as a container repository: ENSIP-10 lookups answered from the signed tag list that a gateway brings, checked
/// against the chain; every other record from the name's fallback resolver. Protocol 3.1 and 4.
contract MooringResolver is ListChecks, IERC165 {
    uint256 private constant MAX_GET_BYTES = 900;
    uint256 private constant MAX_RESPONSE_BYTES = 131_072;
    uint256 private constant HEADER_WORDS = 9;

    constructor(IOwnership ownership_, address defaultFallback_, string[] memory defaultGateways)
        OwnerSettings(ownership_, defaultFallback_, defaultGateways)
    {}

    /// @notice The getters that clients know from before ENSIP-10: the exact node's records, from its fallback resolver.
    fallback(bytes calldata call) external returns (bytes memory) {
        require(call.length >= 36, UnsupportedResolverProfile(msg.sig));
        (Lookup.Record record,) = Lookup.recordOf(call);
        require(record == Lookup.Record.Other, UnsupportedResolverProfile(msg.sig));
        bytes32 node = bytes32(call[4:36]);
        return _askFallbackOrRevert(_fallbackOf(ownership.ownerOf(node), node), call);
    }

    /// @inheritdoc IMooringResolver
    function resolve(bytes calldata name, bytes calldata data) external view returns (bytes memory) {
        Lookup.Request memory request = Lookup.read(data);
        Subject memory subject = _subjectOf(name, _checkRequest(name, request));
        if (request.hasOciRecord) _checkLive(subject);
        if (request.needsList) _askGateway(subject, abi.encodeCall(this.resolve, (name, data)));
        ListHeader memory none;
        return _answer(subject, none, data, data[0:0]);
    }

    /// @inheritdoc IMooringResolver
    function resolveCallback(bytes calldata response, bytes calldata extraData) external view returns (bytes memory) {
        bytes calldata callData = AbiReader.blob(extraData, 0);
        require(bytes4(callData) == this.resolve.selector, BadResponse());
        return _resolveWith(response, AbiReader.blob(callData[4:], 0), AbiReader.blob(callData[4:], 1));
    }

    /// @notice ENSIP-16: the records live off the chain (chain 0), at these gateways.
    function metadata(bytes calldata name) external view returns (string[] memory, uint256, address) {
        return (_gatewaysOf(_subjectOf(name, DnsName.nodesOf(name))), 0, address(0));
    }

    /// @notice ERC-7996: a multicall inside `resolve` is answered with one lookup.
    function supportsFeature(bytes4 feature) external pure returns (bool) {
        return feature == bytes4(keccak256("eth.ens.resolver.extended.multicall"));
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC165).interfaceId || id == this.resolve.selector || id == this.supportsFeature.selector
            || id == this.metadata.selector || id == this.eip712Domain.selector || id == Lookup.TEXT
            || id == Lookup.DATA || id == bytes4(keccak256("contenthash(bytes32)"))
            || id == bytes4(keccak256("addr(bytes32)")) || id == bytes4(keccak256("addr(bytes32,uint256)"));
    }

    /// @dev Rows 0 to 8. The response's words: the header (0 to 8), then offsets of signatures, timestamp, proofs.
    function _resolveWith(bytes calldata response, bytes calldata name, bytes calldata data)
        private
        view
        returns (bytes memory)
    {
        Lookup.Request memory request = Lookup.read(data);
        ListHeader memory list = _checkResponse(response, request.tags);
        Subject memory subject = _subjectOf(name, _checkRequest(name, request));
        _checkLive(subject);
        bytes32 listHash = _checkList(name, subject, list, AbiReader.tail(response, HEADER_WORDS));
        _checkTimestamp(subject, list, listHash, AbiReader.tail(response, HEADER_WORDS + 1));
        return _answer(subject, list, data, AbiReader.tail(response, HEADER_WORDS + 2));
    }

    /// @dev Row 0.
    function _checkResponse(bytes calldata response, uint256 tags) private pure returns (ListHeader memory list) {
        require(response.length <= MAX_RESPONSE_BYTES, BadResponse());
        list = abi.decode(response, (ListHeader));
        _limitSignatures(AbiReader.tail(response, HEADER_WORDS));
        _limitTimestamp(AbiReader.tail(response, HEADER_WORDS + 1));
        bytes calldata proofs = AbiReader.tail(response, HEADER_WORDS + 2);
        require(AbiReader.number(proofs, 0) == tags, BadResponse());
        for (uint256 i = 0; i < tags; ++i) {
            TagTree.checkLimits(AbiReader.tail(proofs[32:], i));
        }
    }

    /// @dev Row 1.
    function _checkRequest(bytes calldata name, Lookup.Request memory request)
        private
        pure
        returns (bytes32[] memory nodes)
    {
        nodes = DnsName.nodesOf(name);
        require(request.tags == 0 || DnsName.isRepository(name), InvalidName());
        bytes32 node = nodes.length == 0 ? bytes32(0) : nodes[0];
        require(request.isEmpty || (request.sameNode && request.node == node), NodeMismatch());
        require(request.tagsWellFormed, InvalidTag());
    }

    /// @dev Row 8, and the bytes that `resolve` returns: the one record, or for a multicall all of them.
    function _answer(Subject memory subject, ListHeader memory list, bytes calldata data, bytes calldata proofs)
        private
        view
        returns (bytes memory)
    {
        if (!Lookup.isMulticall(data)) {
            (bool ok, bytes memory record,) = _record(subject, list, data, proofs, 0);
            if (!ok) LowLevelCall.bubbleRevert(record);
            return record;
        }
        bytes[] memory records = new bytes[](Lookup.callCount(data));
        uint256 proof;
        for (uint256 i = 0; i < records.length; ++i) {
            (, records[i], proof) = _record(subject, list, Lookup.callAt(data, i), proofs, proof);
        }
        return abi.encode(records);
    }

    /// @dev One record, encoded; not ok are the error bytes of a fallback that failed. `proof` is the next proof's position.
    function _record(
        Subject memory subject,
        ListHeader memory list,
        bytes calldata call,
        bytes calldata proofs,
        uint256 proof
    ) private view returns (bool ok, bytes memory, uint256) {
        (Lookup.Record record, bytes calldata tag) = Lookup.recordOf(call);
        if (record == Lookup.Record.Tag) {
            bytes calldata tuple = AbiReader.tail(proofs[32:], proof);
            return (true, _tagRecord(list, tag, tuple, bytes4(call) == Lookup.DATA), proof + 1);
        }
        if (record == Lookup.Record.Version) return (true, abi.encode(Strings.toString(list.version)), proof);
        if (record == Lookup.Record.Root) return (true, abi.encode(string.concat("0x", Hex.encode(list.root))), proof);
        if (record == Lookup.Record.Registry) return (true, abi.encode(_joined(_gatewaysOf(subject))), proof);
        bytes memory answer;
        (ok, answer) = _askFallback(_fallbackOf(subject.owner, subject.authority), call);
        return (ok, answer, proof);
    }

    /// @dev Row 8 for one tag, as text or as ENSIP-24 data.
    function _tagRecord(ListHeader memory list, bytes calldata tag, bytes calldata proof, bool asData)
        private
        pure
        returns (bytes memory)
    {
        (bool present, bytes calldata value) = TagTree.prove(proof, tag, list.count, list.root);
        if (present) {
            TagEntry.check(value, list.version);
            present = !TagEntry.isTombstone(value);
        }
        if (!present) return abi.encode("");
        string memory digest = TagEntry.digest(value);
        if (!asData) return abi.encode(digest);
        bytes memory typed = abi.encode(
            digest, TagEntry.size(value), TagEntry.mediaType(value), TagEntry.swarmReference(value), list.version
        );
        return abi.encode(typed);
    }

    function _limitTimestamp(bytes calldata timestamp) private pure {
        bool fits = AbiReader.number(timestamp, 0) <= type(uint64).max
            && AbiReader.number(timestamp, 1) <= type(uint64).max
            && AbiReader.blob(timestamp, 2).length <= 8192;
        require(fits, BadResponse());
    }

    function _askGateway(Subject memory subject, bytes memory callData) private view {
        string[] memory urls = _gatewaysOf(subject);
        string memory path = string.concat(
            "/ccip/", Strings.toString(block.chainid), "/", Strings.toHexString(address(this)), "/{sender}"
        );
        if (callData.length <= MAX_GET_BYTES) path = string.concat(path, "/{data}.json");
        for (uint256 i = 0; i < urls.length; ++i) {
            urls[i] = string.concat(urls[i], path);
        }
        bytes memory extraData = abi.encode(callData, address(this));
        revert OffchainLookup(address(this), urls, callData, this.resolveCallback.selector, extraData);
    }

    function _askFallbackOrRevert(address resolver, bytes calldata call) private view returns (bytes memory answer) {
        bool ok;
        (ok, answer) = _askFallback(resolver, call);
        if (!ok) LowLevelCall.bubbleRevert(answer);
    }

    /// @dev The answer, or the bytes of an error: never a multiple of 32 long, or a multicall's reader would take it for a record.
    function _askFallback(address resolver, bytes calldata call) private view returns (bool ok, bytes memory answer) {
        (ok, answer) = resolver.staticcall(call);
        if (ok && answer.length > 0) return (true, answer);
        if (answer.length % 32 == 0) {
            return (false, abi.encodeWithSelector(UnsupportedResolverProfile.selector, bytes4(call)));
        }
        if (bytes4(answer) == OffchainLookup.selector) {
            return (false, abi.encodeWithSelector(FallbackNotOnchain.selector));
        }
    }

    function _joined(string[] memory urls) private pure returns (string memory joined) {
        for (uint256 i = 0; i < urls.length; ++i) {
            joined = i == 0 ? urls[0] : string.concat(joined, " ", urls[i]);
        }
    }
}
