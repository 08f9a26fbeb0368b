// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IMooringResolver} from "../IMooringResolver.sol";
import {AbiReader} from "./AbiReader.sol";
import {Ascii} from "./Ascii.sol";

/// @notice What a lookup asks for: the getter calls inside `resolve(name, data)` and the OCI records among them (protocol 4).
library Lookup {
    enum Record {
        Other,
        Tag,
        Version,
        Root,
        Registry
    }

    /// @dev All that the checks need to know of the calls before they look at the name. A summary of nothing, all zero, asks
    /// nothing of a name but its encoding.
    struct Summary {
        bool multicall;
        uint256 calls;
        uint256 tags; // calls for oci-tag[...], well-formed or not: as many proofs must come
        bool needsList; // some record can only be answered from a signed list
        bool hasOciRecord;
        bool hasBadTag;
        bool hasManyNodes; // not every call is about `node`
        bytes32 node;
        bool asData; // a tag that is asked for alone is asked for as ENSIP-24 data
    }

    bytes4 internal constant TEXT = bytes4(keccak256("text(bytes32,string)"));
    bytes4 internal constant DATA = bytes4(keccak256("data(bytes32,string)"));
    bytes4 internal constant MULTICALL = bytes4(keccak256("multicall(bytes[])"));

    uint256 private constant MAX_CALLS = 32;
    uint256 private constant MAX_TAG_BYTES = 128;
    bytes8 private constant TAG_PREFIX = "oci-tag[";
    /// @dev Bit n stands for byte n.
    uint256 private constant TAG_BYTES = 0x7fffffe87fffffe03ff600000000000;

    /// @notice Reads all calls once; `tag` is what a call that stands alone asks for, where it asks for a tag.
    function read(bytes calldata data) internal pure returns (Summary memory summary, bytes calldata tag) {
        tag = data[0:0];
        if (bytes4(data) != MULTICALL) {
            summary.calls = 1;
            return (summary, _readCall(summary, data, true));
        }
        summary.multicall = true;
        summary.calls = AbiReader.number(AbiReader.tail(data[4:], 0), 0);
        require(summary.calls <= MAX_CALLS, IMooringResolver.BadResponse());
        for (uint256 i = 0; i < summary.calls; ++i) {
            _readCall(summary, callAt(summary, data, i), i == 0);
        }
    }

    function callAt(Summary memory summary, bytes calldata data, uint256 position)
        internal
        pure
        returns (bytes calldata)
    {
        return summary.multicall ? AbiReader.blob(AbiReader.tail(data[4:], 0)[32:], position) : data;
    }

    /// @notice Which record a call asks for, by text or by data; for a tag the tag itself, checked by nobody yet.
    function recordOf(bytes calldata call) internal pure returns (Record record, bytes4 getter, bytes calldata tag) {
        tag = call[0:0];
        getter = bytes4(call);
        if (getter != TEXT && getter != DATA) return (Record.Other, getter, tag);
        bytes calldata key = AbiReader.blob(call[4:], 1);
        if (bytes8(key) == TAG_PREFIX) return (Record.Tag, getter, _tagOf(key));
        if (getter == TEXT) record = _namedRecord(key);
    }

    /// @notice The grammar of OCI: letters, digits and underscore; dot and hyphen too, but not in front.
    function isTag(bytes calldata tag) internal pure returns (bool) {
        if (tag.length == 0 || tag.length > MAX_TAG_BYTES) return false;
        bytes1 first = bytes1(tag);
        return first != "." && first != "-" && Ascii.isOnly(tag, TAG_BYTES);
    }

    function _readCall(Summary memory summary, bytes calldata call, bool isFirst)
        private
        pure
        returns (bytes calldata tag)
    {
        tag = call[0:0];
        if (call.length < 36) {
            summary.hasManyNodes = true;
            return tag;
        }
        bytes32 node = abi.decode(call[4:], (bytes32));
        if (isFirst) summary.node = node;
        else if (node != summary.node) summary.hasManyNodes = true;
        Record record;
        bytes4 getter;
        (record, getter, tag) = recordOf(call);
        require(getter != MULTICALL, IMooringResolver.BadResponse());
        if (record == Record.Other) return tag;
        summary.hasOciRecord = true;
        if (record != Record.Registry) summary.needsList = true;
        if (record != Record.Tag) return tag;
        summary.asData = getter == DATA;
        ++summary.tags;
        if (!isTag(tag)) summary.hasBadTag = true;
    }

    /// @dev Empty, and so no tag, without the final bracket.
    function _tagOf(bytes calldata key) private pure returns (bytes calldata) {
        unchecked {
            uint256 last = key.length - 1;
            return key[last] == "]" ? key[8:last] : key[0:0];
        }
    }

    function _namedRecord(bytes calldata key) private pure returns (Record) {
        bytes32 padded = bytes32(key);
        if (key.length == 11 && padded == "oci-version") return Record.Version;
        if (key.length == 8 && padded == "oci-root") return Record.Root;
        if (key.length == 12 && padded == "oci-registry") return Record.Registry;
        return Record.Other;
    }
}
