//! The binary where it cannot begin: its words, its exit code, and no secret in either.

use std::process::Command;

use solana_pubkey::Pubkey;
use taper_sdk::PROGRAM_ID;

use crate::node::Answer;
use crate::scene::Scene;
use crate::support::exchange_key;

/// What there is in the place of the keypair's file.
enum File {
    Nothing,
    Directory,
    With(Vec<u8>),
}

/// Runs the binary with this configuration and this keypair.
async fn run(name: &str, config: String, keypair: File) -> (i32, String) {
    let directory = std::env::temp_dir().join(format!("taper-liar-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("bot.toml"), config).unwrap();
    let file = directory.join("liquidator.json");
    match keypair {
        File::Nothing => {}
        File::Directory => std::fs::create_dir(file).unwrap(),
        File::With(bytes) => std::fs::write(file, bytes).unwrap(),
    }
    let here = directory.clone();
    let command = move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taper-liquidator"));
        command.args(["--config", "bot.toml"]).current_dir(here).env_remove("RUST_LOG").output().unwrap()
    };
    let output = tokio::task::spawn_blocking(command).await.unwrap();
    std::fs::remove_dir_all(directory).unwrap();
    let said = String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), said)
}

fn keypair(scene: &Scene) -> File {
    File::With(serde_json::to_vec(&scene.keypair.to_bytes().to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_or_keypair_that_cannot_be_used() {
    let scene = Scene::new().await;
    let unknown = scene.config(&[("[profit]", "[profit]\nmin_proft_atoms = 3")]);
    let (code, said) = run("unknown", unknown, keypair(&scene)).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("bot.toml: line ") && said.contains("profit.min_proft_atoms: unknown field"), "{said}");
    let (code, said) = run("missing", scene.config(&[]), File::Nothing).await;
    assert_eq!((code, said.as_str()), (2, "taper-liquidator: there is no keypair file liquidator.json\n"));
    let (code, said) = run("broken", scene.config(&[]), File::With(b"[1,2,s3cret".to_vec())).await;
    assert_eq!((code, said.as_str()), (2, "taper-liquidator: liquidator.json is not a keypair file\n"));
    let (code, said) = run("directory", scene.config(&[]), File::Directory).await;
    let reason = "taper-liquidator: cannot read the keypair file liquidator.json: Is a directory (os error 21)\n";
    assert_eq!((code, said.as_str()), (2, reason));
    assert_eq!(scene.node.state.lock().unwrap().asked.len(), 0, "the node is not asked before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_what_the_configuration_says() {
    let stranger = Pubkey::new_from_array([77; 32]);
    for (name, wanted) in [
        ("genesis", "wrong cluster: "),
        ("program", "is not deployed on "),
        ("executable", "is not a program: it is not executable"),
        ("exchange", "the exchange "),
        ("version", "is of another version"),
        ("type", "the exchange "),
        ("account", "create it with `taper account create`"),
        ("authority", "it belongs to "),
        ("funds", "has no lamports on "),
    ] {
        let scene = Scene::new().await;
        let mut changes = Vec::new();
        {
            let mut state = scene.node.state.lock().unwrap();
            let rows = &mut state.rows;
            match name {
                "genesis" => changes.push(("# genesis_hash", "genesis_hash")),
                "program" => drop(rows.remove(&PROGRAM_ID)),
                "executable" => rows.get_mut(&PROGRAM_ID).unwrap().executable = false,
                "exchange" => drop(rows.remove(&exchange_key())),
                // The first byte of the body is the layout's version.
                "version" => rows.get_mut(&exchange_key()).unwrap().data[8] ^= 0x40,
                "type" => rows.get_mut(&exchange_key()).unwrap().data[0] ^= 1,
                "account" => drop(rows.remove(&scene.own)),
                "authority" => {
                    let data = &mut rows.get_mut(&scene.own).unwrap().data;
                    let place = data
                        .windows(32)
                        .position(|bytes| bytes == solana_signer::Signer::pubkey(&scene.keypair).as_ref());
                    data[place.unwrap()..][..32].copy_from_slice(stranger.as_ref());
                }
                _ => drop(rows.remove(&solana_signer::Signer::pubkey(&scene.keypair))),
            }
        }
        let (code, said) = run(name, scene.config(&changes), keypair(&scene)).await;
        assert_eq!(code, 3, "{name}: {said}");
        assert!(said.contains(wanted), "{name}: {said}");
        assert_eq!(scene.node.count("sendTransaction"), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_be_asked_and_the_secrets_of_its_address() {
    let scene = Scene::new().await;
    scene
        .node
        .always("getMultipleAccounts", Answer::Error(-32_000, "key token-s3cret of path-s3cret is over its limit"));
    let http = scene.node.http.clone();
    let secret = format!("{http}/v2/path-s3cret?api-key=token-s3cret");
    let config = scene.config(&[]).replace(&http, &secret);
    let (code, said) = run("refused", config.clone(), keypair(&scene)).await;
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("is over its limit") && !said.contains("s3cret"), "{said}");
    scene.node.always("getMultipleAccounts", Answer::Truncated);
    let (code, said) = run("nonsense", config.clone(), keypair(&scene)).await;
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("makes no sense: it is not JSON") && !said.contains("s3cret"), "{said}");
    // Nobody listens there: the library names the address in its error.
    let port = http.rsplit(':').next().unwrap();
    let (code, said) = run("silent", config.replace(&format!(":{port}/"), ":1/"), keypair(&scene)).await;
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("cannot be reached") && !said.contains("s3cret"), "{said}");
}
