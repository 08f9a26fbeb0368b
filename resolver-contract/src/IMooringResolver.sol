// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Who may sign the tag lists of a name. Without publishers the name's owner is the only one.
struct Policy {
    address[] publishers; // 1..8, strictly ascending
    uint8 threshold; // 1..publishers
    address timestamper; // zero for none, and then maxAge is zero too
    uint32 maxAge; // seconds a timestamp stays fresh, 3,600..604,800
}

/// @notice The signed header of a tag list (protocol 2.2); name and node are those of the request, so they are not sent.
struct ListHeader {
    address owner;
    uint64 epoch;
    uint64 version;
    bytes32 previous;
    bytes32 root;
    uint64 count;
    bytes32 delegations;
    uint64 issuedAt;
    uint64 expiresAt;
}

struct SignerSignature {
    address signer;
    bytes signature;
}

/// @notice A timestamper's word that a list was current; all zero for none.
struct Timestamp {
    uint64 issuedAt;
    uint64 expiresAt;
    bytes signature;
}

/// @notice A slot of the list and the hashes from its leaf to the root (protocol 2.1).
struct Proof {
    bytes key;
    bytes nextKey;
    bytes value;
    bytes32[] path;
}

/// @notice The container repository of an ENS name: verifies what gateways answer, keeps what owners decide.
/// Names are DNS-encoded everywhere. There is no admin and no upgrade. Protocol 3 and 4.
interface IMooringResolver {
    // The refusals of protocol 3.1, in the order of its rows.
    error BadResponse();
    error InvalidName();
    error NodeMismatch();
    error InvalidTag();
    error UnreachableName();
    error NoOwner();
    error OwnerMismatch();
    error EpochMismatch();
    error UnsupportedDelegations();
    error Rollback();
    error AnchorMismatch();
    error IssuedInFuture();
    error Expired();
    error LifetimeTooLong();
    error SignersNotAscending();
    error NotPublisher();
    error Revoked();
    error BadSignature();
    error ThresholdNotMet();
    error BadTimestamp();
    error StaleTimestamp();
    error BadProof();
    error InvalidEntry();

    /// @notice The fallback resolver wanted a gateway of its own, which is not followed.
    error FallbackNotOnchain();
    /// @notice A getter that neither this contract nor the fallback resolver knows (ENSIP-10 companion, kept with its argument).
    error UnsupportedResolverProfile(bytes4 selector);
    /// @notice ERC-3668.
    error OffchainLookup(address sender, string[] urls, bytes callData, bytes4 callbackFunction, bytes extraData);

    // Refusals of the setters.
    error NotAuthorized();
    error InvalidPolicy();
    error InvalidGateway();
    error InvalidFallback();
    error InvalidKey();
    error InvalidAnchor();

    // `node` is the authority's for what an owner sets once for all names below, else the list's own; `epoch` is the node's.
    event PolicyChanged(bytes32 indexed node, address indexed owner, uint64 epoch, Policy policy);
    event GatewaysChanged(bytes32 indexed node, address indexed owner, uint64 epoch, string[] baseUrls);
    event FallbackChanged(bytes32 indexed node, address indexed owner, uint64 epoch, address resolver);
    event KeyRevoked(bytes32 indexed node, address indexed owner, uint64 epoch, address indexed key);
    event EpochReset(bytes32 indexed node, address indexed owner, uint64 epoch);
    event ListAnchored(bytes32 indexed node, address indexed owner, uint64 epoch, uint64 version, bytes32 list);
    event FloorRaised(bytes32 indexed node, address indexed owner, uint64 epoch, uint64 minVersion);

    /// @notice Sets who signs; a policy without publishers (then threshold 0 or 1, no timestamper) goes back to the owner alone.
    function setPolicy(bytes calldata name, Policy calldata policy) external;

    /// @notice Sets the base URLs of the gateways, at most 8; none goes back to the deployment's.
    function setGateways(bytes calldata name, string[] calldata baseUrls) external;

    /// @notice Sets the resolver that answers everything but the OCI records; zero goes back to the deployment's.
    function setFallback(bytes calldata name, address resolver) external;

    /// @notice Revokes a key for good: `reset` does not bring it back.
    function revoke(bytes calldata name, address key) external;

    /// @notice Anyone relays a key's own Revocation (protocol 2.2; its node is the authority's).
    function revokeBySignature(bytes calldata name, address key, bytes calldata signature) external;

    /// @notice Raises the name's epoch by one: its lists and timestamps die.
    function reset(bytes calldata name) external;

    /// @notice The list with this hash needs no signature at this version, and no other list stands there. Raises `minVersion`,
    /// never lowers it. Hash 0 clears the anchor and touches nothing else.
    function anchor(bytes calldata name, uint64 version, bytes32 list) external;

    /// @notice Anyone raises `minVersion` with a list that passes rows 1 to 6.
    function checkpoint(bytes calldata name, ListHeader calldata list, SignerSignature[] calldata signatures) external;

    /// @notice What counts now, zero set-up included; all zero when nobody owns the name.
    function policyOf(bytes calldata name)
        external
        view
        returns (address owner, bytes32 authority, Policy memory policy);

    /// @notice The name's epoch, and floor and anchor of its present owner in that epoch (0 and 0 for no anchor).
    function stateOf(bytes calldata name)
        external
        view
        returns (uint64 epoch, uint64 minVersion, uint64 anchorVersion, bytes32 anchorHash);

    function isRevoked(bytes calldata name, address key) external view returns (bool);
    function gatewaysOf(bytes calldata name) external view returns (string[] memory baseUrls);
    function fallbackOf(bytes calldata name) external view returns (address resolver);

    /// @notice ENSIP-10. Reverts with OffchainLookup when an OCI record that needs the signed list is asked for.
    function resolve(bytes calldata name, bytes calldata data) external view returns (bytes memory);

    /// @notice ERC-3668 callback: the whole check order of protocol 3.1, all authority read from the chain; returns what `resolve`
    /// does. The second field of `extraData` is ignored.
    function resolveCallback(bytes calldata response, bytes calldata extraData) external view returns (bytes memory);
}
