// Package trustroot lets clients in by certificates for their cryptosign keys
// (specification, advanced profile, "Trustroots and Certificates"): who signs a
// chain of them is the owner of a trust root, and the router need not know the
// keys themselves.
//
//	roots, err := trustroot.New(trustroot.Root{
//		Address:  "0xf766Dc789CF04CD18aE75af2c5fAf2DA6650Ff57",
//		Realm:    "0xA6e693CC4A2b4F1400391a728D26369D9b82ef96",
//		Contract: "0xf766Dc789CF04CD18aE75af2c5fAf2DA6650Ff57",
//		Role:     "device",
//	})
//	…
//	realm.Authenticate(router.Cryptosign(users, router.TrustRoots(roots)))
//
// The certificates are statements in the form of EIP-712, signed by accounts of
// Ethereum: ECDSA on the curve secp256k1 over a hash by Keccak-256. The router
// verifies them by itself. It asks no blockchain, so trust roots are standalone
// ones; what a chain has to fit is said in Root.
package trustroot
