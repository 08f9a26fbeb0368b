// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ListHeader, Proof} from "../src/IMooringResolver.sol";
import {SigningDomain} from "../src/SigningDomain.sol";
import {SignatureRule} from "../src/lib/SignatureRule.sol";
import {ListWords, SignedStruct} from "../src/lib/SignedStruct.sol";
import {TagTree} from "../src/lib/TagTree.sol";

/// @notice Opens the resolver's libraries to the vectors of the format: trees, hashes and signatures by themselves.
contract FormatHarness is SigningDomain {
    function isPresent(Proof calldata proof, bytes calldata tag, uint256 count, bytes32 root) external view returns (bool) {
        return this.isPresentIn(abi.encode(proof.key, proof.nextKey, proof.value, proof.path), tag, count, root);
    }

    function isPresentIn(bytes calldata proof, bytes calldata tag, uint256 count, bytes32 root) external pure returns (bool present) {
        (present,) = TagTree.read(proof, tag, count, root);
    }

    function isSignatureValid(address signer, bytes32 hash, bytes calldata signature) external view returns (bool) {
        return SignatureRule.isValid(signer, hash, signature);
    }

    function hashList(string calldata name, bytes32 node, ListHeader calldata list)
        external
        view
        returns (bytes32, bytes32)
    {
        return _both(SignedStruct.hashList(bytes(name), node, abi.decode(abi.encode(list), (ListWords))));
    }

    function hashTimestamp(
        bytes32 node,
        uint64 epoch,
        uint64 version,
        bytes32 listHash,
        uint256 issuedAt,
        uint256 expiresAt
    ) external view returns (bytes32, bytes32) {
        ListWords memory list;
        (list.epoch, list.version) = (epoch, version);
        return _both(SignedStruct.hashTimestamp(node, list, listHash, issuedAt, expiresAt));
    }

    function hashRevocation(bytes32 node, address owner, address key) external view returns (bytes32, bytes32) {
        return _both(SignedStruct.hashRevocation(node, owner, key));
    }

    function _both(bytes32 structHash) private view returns (bytes32, bytes32) {
        return (structHash, _signingHash(structHash));
    }
}
