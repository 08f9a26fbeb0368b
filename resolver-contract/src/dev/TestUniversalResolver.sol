// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import {DnsName} from "../lib/DnsName.sol";

interface IResolverRegistry {
    function resolver(bytes32 node) external view returns (address);
}

interface IExtendedResolver {
    function resolve(bytes calldata name, bytes calldata data) external view returns (bytes memory);
    function supportsFeature(bytes4 feature) external view returns (bool);
}

interface IBatchGateway {
    struct Query {
        address sender;
        string[] urls;
        bytes data;
    }

    function query(Query[] calldata queries) external view returns (bool[] memory failures, bytes[] memory responses);
}

/// @notice A Universal Resolver (ENSIP-23) for development chains and tests: the entries that viem and ethers call, with lookups
/// passed on directly where the resolver has the feature for it (ERC-7996), else through a batch gateway (ENSIP-21).
contract TestUniversalResolver {
    error OffchainLookup(address sender, string[] urls, bytes callData, bytes4 callbackFunction, bytes extraData);
    error UnsupportedResolverProfile(bytes4 selector);
    error ResolverNotFound(bytes name);
    error ResolverNotContract(bytes name, address resolver);
    error ResolverError(bytes errorData);
    error HttpError(uint16 status, string message);
    error InvalidBatchGatewayResponse();

    struct ResolverInfo {
        bytes name;
        uint256 offset;
        bytes32 node;
        address resolver;
        bool extended;
    }

    /// @dev A lookup of the resolver's, as its revert data says it.
    struct Lookup {
        address sender;
        string[] urls;
        bytes callData;
        bytes4 callbackFunction;
        bytes extraData;
    }

    bytes4 private constant FEATURE = bytes4(keccak256("eth.ens.resolver.extended.multicall"));
    bytes4 private constant FEATURES_ID = IExtendedResolver.supportsFeature.selector;
    /// @dev A contract that burns its gas on an empty call (older than EIP-140) gets no more than this.
    uint256 private constant UNSAFE_CALL_GAS = 50_000;
    uint256 private constant PROBE_GAS = 5_000;

    address public immutable ensRegistry;
    /// @notice As one from before ERC-7996: every lookup goes through a batch gateway.
    bool public immutable asksBatchGatewayAlways;
    string[] private _batchGateways;

    constructor(address ensRegistry_, string[] memory batchGateways, bool asksBatchGatewayAlways_) {
        ensRegistry = ensRegistry_;
        asksBatchGatewayAlways = asksBatchGatewayAlways_;
        _batchGateways = batchGateways;
    }

    /// @notice The first resolver on the path from the name upwards, and where in the name its suffix begins.
    function findResolver(bytes calldata name) public view returns (address resolver, bytes32 node, uint256 offset) {
        bytes32[] memory nodes = DnsName.nodesOf(name, false);
        for (uint256 i = 0; i < nodes.length; ++i) {
            resolver = IResolverRegistry(ensRegistry).resolver(nodes[i]);
            if (resolver != address(0)) return (resolver, nodes[0], offset);
            offset += 1 + uint8(name[offset]);
        }
    }

    /// @notice The resolver that may answer for a name: for a wildcard only one that knows ENSIP-10.
    function requireResolver(bytes calldata name) public view returns (ResolverInfo memory info) {
        info.name = name;
        (info.resolver, info.node, info.offset) = findResolver(name);
        require(info.resolver != address(0), ResolverNotFound(name));
        require(info.resolver.code.length > 0, ResolverNotContract(name, info.resolver));
        info.extended = ERC165Checker.supportsERC165InterfaceUnchecked(info.resolver, IExtendedResolver.resolve.selector);
        require(info.extended || info.offset == 0, ResolverNotFound(name));
    }

    function resolve(bytes calldata name, bytes calldata data) external view returns (bytes memory, address) {
        return this.resolveWithGateways(name, data, _batchGateways);
    }

    /// @notice `gateways` are batch gateways, asked only where the resolver cannot be passed on directly.
    function resolveWithGateways(bytes calldata name, bytes calldata data, string[] calldata gateways)
        external
        view
        returns (bytes memory result, address resolver)
    {
        ResolverInfo memory info = requireResolver(name);
        resolver = info.resolver;
        bytes memory call = info.extended ? abi.encodeCall(IExtendedResolver.resolve, (name, data)) : bytes(data);
        (bool ok, bytes memory answer) = _call(resolver, call);
        if (ok) return (_unwrapped(answer, info.extended), resolver);
        if (!_isLookupOf(answer, resolver)) _fail(answer);
        Lookup memory lookup = _decode(answer);
        if (info.extended && !asksBatchGatewayAlways && _hasFeature(resolver)) _askDirectly(resolver, lookup);
        _askBatchGateway(resolver, info.extended, lookup, gateways);
    }

    /// @notice ERC-3668 callback of a lookup passed on directly; the resolver may ask again.
    function resolveDirectCallback(bytes calldata response, bytes calldata extraData)
        external
        view
        returns (bytes memory, address)
    {
        (address resolver, bytes4 callback, bytes memory inner) = abi.decode(extraData, (address, bytes4, bytes));
        (bool ok, bytes memory answer) = _call(resolver, abi.encodeWithSelector(callback, response, inner));
        if (ok) return (_unwrapped(answer, true), resolver);
        if (_isLookupOf(answer, resolver)) _askDirectly(resolver, _decode(answer));
        _fail(answer);
    }

    /// @notice ERC-3668 callback of a lookup that a batch gateway carried out.
    function resolveBatchCallback(bytes calldata response, bytes calldata extraData)
        external
        view
        returns (bytes memory, address)
    {
        (address resolver, bool extended, bytes4 callback, bytes memory inner, string[] memory gateways) =
            abi.decode(extraData, (address, bool, bytes4, bytes, string[]));
        (bool[] memory failures, bytes[] memory responses) = abi.decode(response, (bool[], bytes[]));
        require(failures.length == 1 && responses.length == 1, InvalidBatchGatewayResponse());
        if (failures[0]) _fail(responses[0]);
        (bool ok, bytes memory answer) = _call(resolver, abi.encodeWithSelector(callback, responses[0], inner));
        if (ok) return (_unwrapped(answer, extended), resolver);
        if (_isLookupOf(answer, resolver)) _askBatchGateway(resolver, extended, _decode(answer), gateways);
        _fail(answer);
    }

    function _askDirectly(address resolver, Lookup memory lookup) private view {
        bytes memory extraData = abi.encode(resolver, lookup.callbackFunction, lookup.extraData);
        revert OffchainLookup(
            address(this), lookup.urls, lookup.callData, this.resolveDirectCallback.selector, extraData
        );
    }

    function _askBatchGateway(address resolver, bool extended, Lookup memory lookup, string[] memory gateways)
        private
        view
    {
        IBatchGateway.Query[] memory queries = new IBatchGateway.Query[](1);
        queries[0] = IBatchGateway.Query(lookup.sender, lookup.urls, lookup.callData);
        revert OffchainLookup(
            address(this),
            gateways,
            abi.encodeCall(IBatchGateway.query, (queries)),
            this.resolveBatchCallback.selector,
            abi.encode(resolver, extended, lookup.callbackFunction, lookup.extraData, gateways)
        );
    }

    function _hasFeature(address resolver) private view returns (bool) {
        return ERC165Checker.supportsERC165InterfaceUnchecked(resolver, FEATURES_ID)
            && IExtendedResolver(resolver).supportsFeature(FEATURE);
    }

    function _call(address target, bytes memory call) private view returns (bool, bytes memory) {
        uint256 gasBefore = gasleft();
        (bool ok,) = target.staticcall{gas: PROBE_GAS}("");
        bool isSafe = ok || gasBefore - gasleft() < PROBE_GAS;
        return target.staticcall{gas: isSafe ? gasleft() : UNSAFE_CALL_GAS}(call);
    }

    function _isLookupOf(bytes memory answer, address resolver) private pure returns (bool) {
        return bytes4(answer) == OffchainLookup.selector && _decode(answer).sender == resolver;
    }

    function _decode(bytes memory answer) private pure returns (Lookup memory lookup) {
        (lookup.sender, lookup.urls, lookup.callData, lookup.callbackFunction, lookup.extraData) =
            abi.decode(Bytes.slice(answer, 4), (address, string[], bytes, bytes4, bytes));
    }

    function _unwrapped(bytes memory answer, bool extended) private pure returns (bytes memory) {
        return extended ? abi.decode(answer, (bytes)) : answer;
    }

    /// @dev Errors that clients know pass as they are, any other inside ResolverError.
    function _fail(bytes memory errorData) private pure {
        if (bytes4(errorData) == UnsupportedResolverProfile.selector) {
            revert UnsupportedResolverProfile(abi.decode(Bytes.slice(errorData, 4), (bytes4)));
        }
        if (bytes4(errorData) == HttpError.selector) {
            (uint16 status, string memory message) = abi.decode(Bytes.slice(errorData, 4), (uint16, string));
            revert HttpError(status, message);
        }
        revert ResolverError(errorData);
    }
}
