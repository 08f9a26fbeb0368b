// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IMooringResolver} from "../IMooringResolver.sol";
import {AbiReader} from "./AbiReader.sol";

/// @notice What a lookup asks for: the getter calls inside `resolve(name, data)` and the OCI records among them (protocol 4).
library Lookup {
    enum Record {
        Other,
        Tag,
        Version,
        Root,
        Registry
    }

    /// @dev All that the checks need to know of a request before they know its name.
    struct Request {
        uint256 tags; // calls for oci-tag[...], well-formed or not: as many proofs must come
        bool tagsWellFormed;
        bool needsList; // some record can only be answered from a signed list
        bool hasOciRecord;
        bool sameNode; // every call is about one node
        bool isEmpty; // a multicall of nothing
        bytes32 node;
    }

    bytes4 internal constant TEXT = bytes4(keccak256("text(bytes32,string)"));
    bytes4 internal constant DATA = bytes4(keccak256("data(bytes32,string)"));
    bytes4 internal constant MULTICALL = bytes4(keccak256("multicall(bytes[])"));

    uint256 private constant MAX_CALLS = 32;
    uint256 private constant MAX_TAG_BYTES = 128;
    bytes8 private constant TAG_PREFIX = "oci-tag[";
    /// @dev Bit n is set when byte n may stand in a tag: letters, digits, underscore; dot and hyphen too, but not in front.
    uint256 private constant TAG_BYTES = 0x7fffffe87fffffe03ff600000000000;
    uint256 private constant FIRST_TAG_BYTES = 0x7fffffe87fffffe03ff000000000000;

    /// @notice Reads all calls once.
    function read(bytes calldata data) internal pure returns (Request memory request) {
        uint256 calls = callCount(data);
        request.isEmpty = calls == 0;
        request.sameNode = true;
        request.tagsWellFormed = true;
        for (uint256 i = 0; i < calls; ++i) {
            bytes calldata call = callAt(data, i);
            require(bytes4(call) != MULTICALL, IMooringResolver.BadResponse());
            _readNode(request, call, i == 0);
            _readRecord(request, call);
        }
    }

    function isMulticall(bytes calldata data) internal pure returns (bool) {
        return bytes4(data) == MULTICALL;
    }

    function callCount(bytes calldata data) internal pure returns (uint256 calls) {
        if (!isMulticall(data)) return 1;
        calls = AbiReader.number(AbiReader.tail(data[4:], 0), 0);
        require(calls <= MAX_CALLS, IMooringResolver.BadResponse());
    }

    function callAt(bytes calldata data, uint256 position) internal pure returns (bytes calldata) {
        return isMulticall(data) ? AbiReader.blob(AbiReader.tail(data[4:], 0)[32:], position) : data;
    }

    /// @notice Which record a call asks for, and for a tag the tag itself, checked by nobody yet.
    function recordOf(bytes calldata call) internal pure returns (Record record, bytes calldata tag) {
        tag = call[0:0];
        bytes4 getter = bytes4(call);
        if (getter != TEXT && getter != DATA) return (Record.Other, tag);
        bytes calldata key = AbiReader.blob(call[4:], 1);
        if (bytes8(key) == TAG_PREFIX) return (Record.Tag, _tagOf(key));
        if (getter == TEXT) record = _namedRecord(key);
    }

    function isTag(bytes calldata tag) internal pure returns (bool) {
        if (tag.length == 0 || tag.length > MAX_TAG_BYTES) return false;
        if ((FIRST_TAG_BYTES >> uint8(tag[0])) & 1 == 0) return false;
        for (uint256 i = 1; i < tag.length; ++i) {
            if ((TAG_BYTES >> uint8(tag[i])) & 1 == 0) return false;
        }
        return true;
    }

    function _readNode(Request memory request, bytes calldata call, bool isFirst) private pure {
        if (call.length < 36) {
            request.sameNode = false;
            return;
        }
        bytes32 node = bytes32(call[4:36]);
        if (isFirst) request.node = node;
        else if (node != request.node) request.sameNode = false;
    }

    function _readRecord(Request memory request, bytes calldata call) private pure {
        (Record record, bytes calldata tag) = recordOf(call);
        if (record == Record.Other) return;
        request.hasOciRecord = true;
        if (record != Record.Registry) request.needsList = true;
        if (record != Record.Tag) return;
        ++request.tags;
        if (!isTag(tag)) request.tagsWellFormed = false;
    }

    /// @dev Empty, and so no tag, without the final bracket.
    function _tagOf(bytes calldata key) private pure returns (bytes calldata) {
        uint256 last = key.length - 1;
        return key[last] == "]" && last > 8 ? key[8:last] : key[0:0];
    }

    function _namedRecord(bytes calldata key) private pure returns (Record) {
        bytes32 padded = bytes32(key);
        if (key.length == 11 && padded == "oci-version") return Record.Version;
        if (key.length == 8 && padded == "oci-root") return Record.Root;
        if (key.length == 12 && padded == "oci-registry") return Record.Registry;
        return Record.Other;
    }
}
