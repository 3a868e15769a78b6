use super::*;

#[tokio::test]
async fn a_second_server_on_one_sqlite_file_is_refused_until_the_first_has_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("one.db").display());
    let first = Store::open(&url).await.unwrap();
    let refused = Store::open(&url).await.err().unwrap().to_string();
    assert!(refused.contains("--database"), "{refused}");
    first.close().await;
    Store::open(&url).await.unwrap();
}
