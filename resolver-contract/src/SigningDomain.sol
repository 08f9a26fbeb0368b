// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

/// @notice The EIP-712 domain of all that is signed for this contract: kept from deployment, made anew where chain or address is another
/// than then.
abstract contract SigningDomain is IERC5267 {
    bytes32 private constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    uint256 private immutable _deployedOn = block.chainid;
    address private immutable _deployedAt = address(this);
    bytes32 private immutable _deployedDomain = _newDomain();

    /// @inheritdoc IERC5267
    function eip712Domain()
        external
        view
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        return (0x0f, "Mooring", "1", block.chainid, address(this), 0, new uint256[](0));
    }

    function _signingHash(bytes32 structHash) internal view returns (bytes32) {
        bool asDeployed = block.chainid == _deployedOn && address(this) == _deployedAt;
        return MessageHashUtils.toTypedDataHash(asDeployed ? _deployedDomain : _newDomain(), structHash);
    }

    function _newDomain() private view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN, keccak256("Mooring"), keccak256("1"), block.chainid, address(this)));
    }
}
