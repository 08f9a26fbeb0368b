// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {IMooringResolver} from "./IMooringResolver.sol";
import {IOwnership} from "./IOwnership.sol";
import {ListChecks} from "./ListChecks.sol";
import {OwnerSettings} from "./OwnerSettings.sol";
import {AbiReader} from "./lib/AbiReader.sol";
import {Lookup} from "./lib/Lookup.sol";
import {ListWords} from "./lib/SignedStruct.sol";
import {TagEntry} from "./lib/TagEntry.sol";
import {TagTree} from "./lib/TagTree.sol";
import {Text} from "./lib/Text.sol";

/// @notice An ENS name as a container repository: ENSIP-10 lookups answered from the signed tag list that a gateway brings, checked
/// against the chain; every other record from the name's fallback resolver. Protocol 3.1 and 4.
contract MooringResolver is ListChecks, IERC165 {
    uint256 private constant MAX_GET_BYTES = 900;
    uint256 private constant MAX_RESPONSE_BYTES = 131_072;

    constructor(IOwnership ownership_, address defaultFallback_, string[] memory defaultGateways)
        OwnerSettings(ownership_, defaultFallback_, defaultGateways)
    {}

    /// @notice The getters that clients know from before ENSIP-10: the exact node's records, from its fallback resolver.
    fallback(bytes calldata call) external returns (bytes memory) {
        require(call.length >= 36, UnsupportedResolverProfile(msg.sig));
        (Lookup.Record record,,) = Lookup.recordOf(call);
        require(record == Lookup.Record.Other, UnsupportedResolverProfile(msg.sig));
        bytes32 node = bytes32(call[4:36]);
        (bool ok, bytes memory answer) = _askFallback(_fallbackOf(ownership.ownerOf(node), node), call);
        if (!ok) LowLevelCall.bubbleRevert(answer);
        return answer;
    }

    /// @inheritdoc IMooringResolver
    function resolve(bytes calldata name, bytes calldata data) external view returns (bytes memory) {
        (Lookup.Summary memory asked,) = Lookup.read(data);
        Subject memory subject = _subjectOf(name, asked);
        if (asked.hasOciRecord) _checkLive(subject);
        if (asked.needsList) _askGateway(subject, abi.encodeCall(this.resolve, (name, data)));
        ListWords memory noList;
        return _answer(subject, asked, noList, data, data[0:0]);
    }

    /// @inheritdoc IMooringResolver
    function resolveCallback(bytes calldata response, bytes calldata extraData) external view returns (bytes memory) {
        bytes calldata callData = AbiReader.blob(extraData, 0);
        require(bytes4(callData) == this.resolve.selector, BadResponse());
        bytes calldata request = callData[4:];
        (uint256 nameAt, uint256 dataAt) = abi.decode(request, (uint256, uint256));
        return _verify(AbiReader.blobAt(request, nameAt), AbiReader.blobAt(request, dataAt), response);
    }

    /// @notice ENSIP-16: the records live off the chain (chain 0), at these gateways.
    function metadata(bytes calldata name) external view returns (string[] memory, uint256, address) {
        return (_gatewaysOf(_subjectOf(name)), 0, address(0));
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

    /// @dev The whole check order. The compiler's decoding is half of row 0; proofs are read where they lie, in row 8.
    function _verify(bytes calldata name, bytes calldata data, bytes calldata response)
        private
        view
        returns (bytes memory)
    {
        require(response.length <= MAX_RESPONSE_BYTES, BadResponse());
        (Lookup.Summary memory asked, bytes calldata tag) = Lookup.read(data);
        (ListWords memory list, uint256 signaturesAt, uint256 timestampAt, uint256 proofsAt) =
            abi.decode(response, (ListWords, uint256, uint256, uint256));
        bytes calldata proofs = response[proofsAt:];
        require(AbiReader.number(proofs, 0) == asked.tags, BadResponse());
        Subject memory subject = _subjectOf(name, asked);
        _checkCurrent(name, subject, list, response[signaturesAt:], response[timestampAt:]);
        if (asked.multicall || asked.tags == 0) return _answer(subject, asked, list, data, proofs);
        return _tagRecord(list, tag, AbiReader.element(proofs, 0), asked.asData);
    }

    /// @dev Row 8 for one tag, as text or as ENSIP-24 data.
    function _tagRecord(ListWords memory list, bytes calldata tag, bytes calldata proof, bool asData)
        private
        pure
        returns (bytes memory)
    {
        (bool listed, bytes calldata value) = TagTree.read(proof, tag, list.count, list.root);
        if (!listed) return abi.encode("");
        (bool present, uint64 size, bytes calldata digest, bytes calldata mediaType) = TagEntry.read(value, list.version);
        if (!present) return abi.encode("");
        string memory text = TagEntry.digestText(digest);
        if (!asData) return abi.encode(text);
        return abi.encode(abi.encode(text, size, mediaType, TagEntry.swarmReference(value), list.version));
    }

    /// @dev The bytes that `resolve` returns: the one record, or for a multicall all of them.
    function _answer(
        Subject memory subject,
        Lookup.Summary memory asked,
        ListWords memory list,
        bytes calldata data,
        bytes calldata proofs
    ) private view returns (bytes memory) {
        bytes[] memory records = new bytes[](asked.calls);
        bool ok;
        uint256 next;
        for (uint256 i = 0; i < records.length; ++i) {
            bytes calldata call = Lookup.callAt(asked, data, i);
            (Lookup.Record record, bytes4 getter, bytes calldata tag) = Lookup.recordOf(call);
            if (record == Lookup.Record.Tag) {
                (ok, records[i]) = (true, _tagRecord(list, tag, AbiReader.element(proofs, next++), getter == Lookup.DATA));
            } else {
                (ok, records[i]) = _record(subject, list, record, call);
            }
        }
        if (asked.multicall) return abi.encode(records);
        if (!ok) LowLevelCall.bubbleRevert(records[0]);
        return records[0];
    }

    /// @dev One record that is no tag, encoded; not ok are the error bytes of a fallback that failed.
    function _record(Subject memory subject, ListWords memory list, Lookup.Record record, bytes calldata call)
        private
        view
        returns (bool, bytes memory)
    {
        if (record == Lookup.Record.Version) return (true, abi.encode(Text.toDecimal(list.version)));
        if (record == Lookup.Record.Root) return (true, abi.encode(_rootText(list.root)));
        if (record == Lookup.Record.Registry) return (true, abi.encode(_joined(_gatewaysOf(subject))));
        return _askFallback(_fallbackOf(subject.owner, subject.authority), call);
    }

    function _rootText(bytes32 root) private pure returns (bytes memory) {
        (bytes32 high, bytes32 low) = Text.toHex(root);
        return abi.encodePacked("0x", high, low);
    }

    function _askGateway(Subject memory subject, bytes memory callData) private view {
        string[] memory urls = _gatewaysOf(subject);
        string memory path =
            string.concat("/ccip/", Text.toDecimal(block.chainid), "/", Text.toHex(address(this)), "/{sender}");
        if (callData.length <= MAX_GET_BYTES) path = string.concat(path, "/{data}.json");
        for (uint256 i = 0; i < urls.length; ++i) {
            urls[i] = string.concat(urls[i], path);
        }
        bytes memory extraData = abi.encode(callData, address(this));
        revert OffchainLookup(address(this), urls, callData, this.resolveCallback.selector, extraData);
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
