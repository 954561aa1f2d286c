/// Tokens and keys made once with PyJWT 2.15.1; all claims the same, valid from 1700000000 for an hour.
enum PyJWTVectors {
    static let secret = "0123456789abcdef0123456789abcdef"
    static let hs256 =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3JnIiwic3ViIjoidXNlci0xIiw"
        + "iYXVkIjpbIm1hcnRsZXQiLCJvdGhlciJdLCJpYXQiOjE3MDAwMDAwMDAsIm5iZiI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAzNjA"
        + "wLCJqdGkiOiJ0LTEiLCJzY29wZSI6ImpvYnM6c3VibWl0IGpvYnM6cmVhZCIsImV4dHJhIjp7ImEiOlsxLHsiYiI6Ilx1MDBlOSJ"
        + "9XX19.MfiPRKFqyNjQYfynyCksiaTWvFcVAXeQu9vNkV5vGW4"
    static let rs256 =
        "eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3JnIiwic3Vi"
        + "IjoidXNlci0xIiwiYXVkIjpbIm1hcnRsZXQiLCJvdGhlciJdLCJpYXQiOjE3MDAwMDAwMDAsIm5iZiI6MTcwMDAwMDAwMCwiZXhw"
        + "IjoxNzAwMDAzNjAwLCJqdGkiOiJ0LTEiLCJzY29wZSI6ImpvYnM6c3VibWl0IGpvYnM6cmVhZCIsImV4dHJhIjp7ImEiOlsxLHsi"
        + "YiI6Ilx1MDBlOSJ9XX19.GC-Y2qUrzzR7r0wDM7LvIu-yYoD9sYTOsYsl2bj4XCoL-30Nd8T_nI0GNxk8BZUlA73PvGOmgX1z2Ou"
        + "0vOvpFuw5zrCpOL5zBEDqm6QyQzxVn297ra9Vk7LuD2bKw7thlhVYKAmEq5eklTm2V42Ucni7as3zb_wAB0GixocE2DQhtWv03jE"
        + "KfgYNo9ScfqZsRbwo8JRcieHbRs5HA-ioVolvu3s_QSf3WRpPvAUUQ1b6HE9P7GsFsR6FeOG_ZuK_SUduGm1OsxrRTfTHdGuu3TY"
        + "McM5CpqUCUMZXSr37B1PfSnMOv8EVTg2iQpkedOgiua5zScK-FoAqM2hJ_SQ-ew"
    static let es256 =
        "eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3JnIiwic3Vi"
        + "IjoidXNlci0xIiwiYXVkIjpbIm1hcnRsZXQiLCJvdGhlciJdLCJpYXQiOjE3MDAwMDAwMDAsIm5iZiI6MTcwMDAwMDAwMCwiZXhw"
        + "IjoxNzAwMDAzNjAwLCJqdGkiOiJ0LTEiLCJzY29wZSI6ImpvYnM6c3VibWl0IGpvYnM6cmVhZCIsImV4dHJhIjp7ImEiOlsxLHsi"
        + "YiI6Ilx1MDBlOSJ9XX19.rA3jcddGMZ_Z3B7oNDBcY3GiA4um7-RbkvEmpb5Dwy5IGI9YNujdlfrTp1NPkjDQz4cFveKVHz69EPA"
        + "745zd1Q"
    static let edDSA =
        "eyJhbGciOiJFZERTQSIsImtpZCI6ImQxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3JnIiwic3Vi"
        + "IjoidXNlci0xIiwiYXVkIjpbIm1hcnRsZXQiLCJvdGhlciJdLCJpYXQiOjE3MDAwMDAwMDAsIm5iZiI6MTcwMDAwMDAwMCwiZXhw"
        + "IjoxNzAwMDAzNjAwLCJqdGkiOiJ0LTEiLCJzY29wZSI6ImpvYnM6c3VibWl0IGpvYnM6cmVhZCIsImV4dHJhIjp7ImEiOlsxLHsi"
        + "YiI6Ilx1MDBlOSJ9XX19.gdlF9pSWByZFw4wS9mEX5ae94iDRjJFWFqrissR9igtgTW_CgaMukO9f71nXE5KCYkoYsrFE5npHFoF"
        + "qtQ_VAw"
    static let unsigned =
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3JnIiwic3ViIjoidXNlci0xIiwi"
        + "YXVkIjpbIm1hcnRsZXQiLCJvdGhlciJdLCJpYXQiOjE3MDAwMDAwMDAsIm5iZiI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAzNjAw"
        + "LCJqdGkiOiJ0LTEiLCJzY29wZSI6ImpvYnM6c3VibWl0IGpvYnM6cmVhZCIsImV4dHJhIjp7ImEiOlsxLHsiYiI6Ilx1MDBlOSJ9"
        + "XX19."
    static let jwks =
        "{\"keys\": [{\"kty\": \"RSA\", \"kid\": \"r1\", \"use\": \"sig\", \"alg\": \"RS256\", \"n\": \"xpjI1fyUYf821YkTSGQOJZ2m6q"
        + "RlsgpeL2X_by6jxfBbjy_Hy0KA1s3f4COJn-Usis2cOP0SWTXR04On3seY2Of4KXRZc54KekejnuNgk9uHAMMgKfXM7FjHwNf1rk"
        + "fcM_FLRmA_2uOQ3yG8f-U4VO64cUtoW9ihq5FNYc5PwyZDYxFdF6ZAMHfyCKVGMs-oNdsD6BfeNbPqu3aQYmSRfydqcqSIwfn7HL"
        + "j1Kl8CziHPf3qDfGPBSQPqnSRazagsp7v9vpjr5Ze9tHZWhm8g7kcWq5XnZ1uErelCyk-iC2G5Wdkhl90z4vUTXYVdpTtsTIpi8E"
        + "qxbLDnV2oZjBQItQ\", \"e\": \"AQAB\"}, {\"kty\": \"EC\", \"kid\": \"e1\", \"crv\": \"P-256\", \"x\": \"fXCqL0HKm6DtCqWcdd"
        + "gTM4Mkzikl9hMJ3UKqe9oxu3o\", \"y\": \"OFXBsng-ffALuVXY_Limdg_Rvxpc6n2Hlglb9diOcD8\"}, {\"kty\": \"OKP\", \"kid"
        + "\": \"d1\", \"crv\": \"Ed25519\", \"x\": \"04mtHjXIXoxcZZa9A3J89K5AL3WR2UDf8KTKR5yqfaM\"}, {\"kty\": \"oct\", \"kid\""
        + ": \"h1\", \"k\": \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}, {\"kty\": \"new-kind\", \"kid\": \"x\"}]}"
    static let rsaPublicKey = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxpjI1fyUYf821YkTSGQO
        JZ2m6qRlsgpeL2X/by6jxfBbjy/Hy0KA1s3f4COJn+Usis2cOP0SWTXR04On3seY
        2Of4KXRZc54KekejnuNgk9uHAMMgKfXM7FjHwNf1rkfcM/FLRmA/2uOQ3yG8f+U4
        VO64cUtoW9ihq5FNYc5PwyZDYxFdF6ZAMHfyCKVGMs+oNdsD6BfeNbPqu3aQYmSR
        fydqcqSIwfn7HLj1Kl8CziHPf3qDfGPBSQPqnSRazagsp7v9vpjr5Ze9tHZWhm8g
        7kcWq5XnZ1uErelCyk+iC2G5Wdkhl90z4vUTXYVdpTtsTIpi8EqxbLDnV2oZjBQI
        tQIDAQAB
        -----END PUBLIC KEY-----
        """
    static let p256PublicKey = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfXCqL0HKm6DtCqWcddgTM4Mkzikl
        9hMJ3UKqe9oxu3o4VcGyeD598Au5Vdj8uKZ2D9G/GlzqfYeWCVv12I5wPw==
        -----END PUBLIC KEY-----
        """
    static let ed25519PublicKey = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEA04mtHjXIXoxcZZa9A3J89K5AL3WR2UDf8KTKR5yqfaM=
        -----END PUBLIC KEY-----
        """
    static let ed25519PrivateKey = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIPRPPGNjQXk5tOPTx/ePWLQY1el35F+XFLULVkcgD4qw
        -----END PRIVATE KEY-----
        """
    static let weakRSAPublicKey = """
        -----BEGIN PUBLIC KEY-----
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCqvJk6j2vKBb/fYaRDLyeJVuS9
        z53ZUUJHAQdxgDLZqGSvEmjmkQYlDvmtVAROrdUNSKXvCU1vlD5KQkpmgBtkdjEs
        KPX96dJ49Bba4GriaF8imEZDtUUFOBJ7EtywaZPjmeezY29Qp81ubDbDAvSdOz+F
        tvSIyKt1TddoIEkM9wIDAQAB
        -----END PUBLIC KEY-----
        """
    static let p384PublicKey = """
        -----BEGIN PUBLIC KEY-----
        MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEFky0exS6KJjCuFN2Enzh5gjvXUoUVOYC
        g0RjOG62MzGE2VK3lFBonSlcz75fuLCu4ns19c0Pq8RcJS4U5GPL9qbn/S4ebrak
        SIAcGFueKneVrPE5OkS7M3QRP3jgSZsD
        -----END PUBLIC KEY-----
        """
    static let confused =
        "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCIsICJraWQiOiAicjEifQ.eyJpc3MiOiAiaHR0cHM6Ly9pZC5leGFtcGxlLm9yZ"
        + "yIsICJzdWIiOiAidXNlci0xIiwgImF1ZCI6IFsibWFydGxldCIsICJvdGhlciJdLCAiaWF0IjogMTcwMDAwMDAwMCwgIm5iZiI6I"
        + "DE3MDAwMDAwMDAsICJleHAiOiAxNzAwMDAzNjAwLCAianRpIjogInQtMSIsICJzY29wZSI6ICJqb2JzOnN1Ym1pdCBqb2JzOnJlY"
        + "WQiLCAiZXh0cmEiOiB7ImEiOiBbMSwgeyJiIjogIlx1MDBlOSJ9XX19.3xkKprkeogMhaT3ARUpxyUtCEMD0UN6glq-ZT5rIHXo"
}
