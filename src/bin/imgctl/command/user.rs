//! `imgctl user`: people who sign in. On the machine itself only.

use img_core::model::grant::User;
use img_core::origin::act::{Act, ActError};
use img_core::origin::users::Password;
use serde_json::{Value, json};

use crate::args::{Global, PasswordArgs, UserCommand};
use crate::ask;
use crate::context::local_act;
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;
use crate::site::Here;
use crate::when;

pub(crate) async fn run(
    global: &Global,
    command: UserCommand,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let here = Here::open(global).await?;
    let done = act(&here, command, output).await;
    here.origin.close().await;
    done.map(|()| ExitStatus::Success)
}

async fn act(here: &Here, command: UserCommand, output: Output) -> Result<(), Failure> {
    let origin = &here.origin;
    match command {
        UserCommand::Add {
            name,
            role,
            password,
            why,
        } => {
            // Said before anyone types a password twice.
            if origin.catalog.find_user(&name).await?.is_some() {
                return Err(ActError::UserExists { name }.into());
            }
            let password = read_password(&password).await?;
            let act = local_act(why.reason);
            let user = origin.add_user(&act, name, role, password).await?;
            let text = format!("{} can sign in as {role}", user.name);
            output.summary(|| text, || describe(&user));
        }
        UserCommand::List => {
            for user in origin.list_users(&local_act(None)).await? {
                output.item(|| line(&user), || describe(&user));
            }
        }
        UserCommand::Password {
            name,
            password,
            why,
        } => {
            if origin.catalog.find_user(&name).await?.is_none() {
                return Err(ActError::UnknownUser { name }.into());
            }
            let password = read_password(&password).await?;
            origin
                .set_password(&local_act(why.reason), &name, password)
                .await?;
            done(output, &name, "has another password");
        }
        UserCommand::Role { name, role, why } => {
            let act: Act = local_act(why.reason);
            origin.set_role(&act, &name, role).await?;
            done(output, &name, &format!("is {role} now"));
        }
        UserCommand::Remove { name, why } => {
            origin.remove_user(&local_act(why.reason), &name).await?;
            done(output, &name, "can sign in no more");
        }
    }
    Ok(())
}

fn done(output: Output, name: &impl ToString, what: &str) {
    let name = name.to_string();
    output.summary(|| format!("{name} {what}"), || json!({"name": name}));
}

async fn read_password(args: &PasswordArgs) -> Result<Password, Failure> {
    let text = match &args.password_file {
        Some(path) => ask::first_line_of(path)?,
        None => ask::password().await?,
    };
    Ok(Password::new(text)?)
}

fn describe(user: &User) -> Value {
    json!({
        "name": user.name.as_str(),
        "role": user.role.as_str(),
        "created_at": when::format_time(user.created_at),
        "created_by": user.created_by,
        "last_login_at": user.last_login_at.map(when::format_time),
    })
}

fn line(user: &User) -> String {
    let seen = user.last_login_at.map(when::format_time);
    format!(
        "{}  {}  last signed in {}",
        user.name,
        user.role,
        seen.as_deref().unwrap_or("never")
    )
}
