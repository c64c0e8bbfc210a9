"""A network as a scikit-learn estimator: in a pipeline, under cross-validation, and in a search.

python examples/05_sklearn_pipeline.py
"""

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from minitensor.sklearn import MLPClassifier

x, y = load_digits(return_X_y=True)  # 1,797 images of 8×8 pixels, and the digits they show
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=0)

network = MLPClassifier((64,), learning_rate_init=0.01, early_stopping=True, random_state=0)
pipeline = make_pipeline(MinMaxScaler(), network)  # pixels from 0 to 1, then the network

scores = cross_val_score(pipeline, x_train, y_train, cv=3)
print(f"cross-validation  {scores.mean():.1%} ± {scores.std():.1%}")

search = GridSearchCV(
    pipeline,
    {"mlpclassifier__activation": ["relu", "gelu"], "mlpclassifier__dropout": [0.0, 0.2]},
    cv=3,
)
search.fit(x_train, y_train)
for options, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
    print(f"{score:.1%} with", ", ".join(f"{name.split('__')[1]}={value}" for name, value in options.items()))

best = search.best_estimator_
print(best[-1].model_)  # a minitensor network like any other
print(f"test accuracy {best.score(x_test, y_test):.1%}")
